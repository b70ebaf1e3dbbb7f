"""The verbs that say what to rent for a model, and what renting it so would come to."""

from __future__ import annotations

from aicompute_tui.actions.model import Action, Parameter

RECOMMENDING_ACTIONS = (
    Action(
        "model.recommend",
        "Recommend machines for a model",
        "Machines of every known cloud that a model fits on within a budget, cheapest first; where none does, in which "
        "quantisation it would fit.",
        "global",
        "query",
        "aicompute_tui.services.recommendation:recommend",
        ("model", "recommend"),
        (
            Parameter("model", "text", "Words of a known model's name, a hub's name, or a file: llama 70b.",
                      positional=True, repeatable=True),
            Parameter("context", "text", "Tokens of context, as 32k; 8k, or what it has, when absent; none for all."),
            Parameter("parallel", "integer", "Sequences at once, each of that context.", default="1"),
            Parameter("max_usd_per_hour", "decimal", "At most so many USD per hour."),
            Parameter("max_usd_per_month", "decimal", "At most so many USD for a month without a pause."),
            Parameter("market", "choice", "Only this market; without it the cheaper of the two.",
                      choices=("spot", "on-demand")),
            Parameter("cloud", "text", "Only this cloud; may be given again.", repeatable=True),
            Parameter("region", "text", "Regions with this in their name."),
            Parameter("gpu", "text", "GPUs with this in their name: A10G, h100."),
            Parameter("engine", "choice", "Model server; llamacpp for a GGUF file, else vllm.",
                      choices=("vllm", "sglang", "tgi", "llamacpp", "ollama", "tei")),
            Parameter("kv_dtype", "choice", "How the cache is kept.", default="fp16",
                      choices=("fp16", "bf16", "fp8", "q8_0", "q4_0")),
            Parameter("limit", "integer", "At most so many."),
        ),
        aliases=("recommend", "rec", "model-recommend"),
    ),
    Action(
        "cost.plan",
        "Plan what a month costs",
        "What machines for some hours a day, and tokens at a connection's prices, come to in a month: the least and "
        "the most, by dated prices.",
        "global",
        "query",
        "aicompute_tui.services.cost_plan:plan_costs",
        ("cost", "plan"),
        (
            Parameter("plan", "choice", "One of the plans that come with the program; all of them without it.",
                      positional=True, choices=("minimal", "light", "medium", "heavy", "parallel")),
            Parameter("hours_per_day", "decimal", "Hours a day that the machines run."),
            Parameter("machines", "integer", "How many machines."),
            Parameter("type", "text", "Machine type, like g5.xlarge."),
            Parameter("cloud", "text", "Whose machine it is.", default="aws"),
            Parameter("region", "text", "Prices of this region; the cheapest one without it."),
            Parameter("market", "choice", "Only this market; without it spot is the least and on-demand the most.",
                      choices=("spot", "on-demand")),
            Parameter("tokens", "text", "Tokens a month by a connection besides: 50m."),
            Parameter("connection", "text", "Connection whose prices count for the tokens."),
        ),
        aliases=("cost-plan",),
        result="rows",
    ),
)  # fmt: skip
