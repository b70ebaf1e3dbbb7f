"""What each model server answers when a machine looks how busy it is."""

from __future__ import annotations

from datetime import datetime, timedelta

from tests.contract.watch_world import START

VLLM = """# HELP vllm:num_requests_running Number of requests in model execution batches.
vllm:num_requests_running{{engine="0",model_name="org/a b"}} {running}
vllm:num_requests_running{{engine="1",model_name="org/a b"}} 0.0
vllm:num_requests_waiting{{engine="0",model_name="org/a b"}} {waiting}
vllm:num_requests_waiting_by_reason{{engine="0",reason="capacity"}} 9.0
vllm:kv_cache_usage_perc{{engine="0"}} 0.125
vllm:generation_tokens_total{{engine="0"}} {tokens}
"""
PS = (
    '{{"models":[{{"name":"llama3.2:3b","expires_at":"{expires}","size_vram":1}},'
    '{{"name":"b","expires_at":"2318-01-01T00:00:00Z"}}]}}'
)
SLOTS = '[{{"id":0,"id_task":{task},"is_processing":{busy}}},{{"id":1,"id_task":-1,"is_processing":false}}]'
LLAMA = """llamacpp:requests_processing {running}
llamacpp:requests_deferred {waiting}
llamacpp:prompt_tokens_total {tokens}
"""
TGI = 'tgi_queue_size {waiting}\ntgi_batch_current_size {running}\ntgi_request_count{{method="batch"}} {tokens}\n'


def vllm(running: float = 0, waiting: float = 0, tokens: float = 5e6) -> dict[str, tuple[int, str]]:
    return {"/metrics": (200, VLLM.format(running=running, waiting=waiting, tokens=tokens))}


def tgi(running: int = 0, waiting: int = 0, tokens: int = 7) -> dict[str, tuple[int, str]]:
    return {"/metrics": (200, TGI.format(running=running, waiting=waiting, tokens=tokens))}


def llama(running: int = 0, waiting: int = 0, tokens: int = 7) -> dict[str, tuple[int, str]]:
    return {"/metrics": (200, LLAMA.format(running=running, waiting=waiting, tokens=tokens))}


def slots(busy: bool = False, task: int = 3) -> dict[str, tuple[int, str]]:
    return {"/metrics": (501, "{}"), "/slots": (200, SLOTS.format(busy=str(busy).lower(), task=task))}


def ollama(expires: datetime = START + timedelta(days=1)) -> dict[str, tuple[int, str]]:
    return {"/api/ps": (200, PS.format(expires=f"{expires:%Y-%m-%dT%H:%M:%S}.123456789Z"))}
