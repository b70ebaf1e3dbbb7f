"""Where what an action asks for is shown: its view, the shell it opens, or what asks a person more before a job."""

from __future__ import annotations

SCREENS = {
    "overview.show": "aicompute_tui.ui.screens.dashboard:DashboardScreen",
    "instance.launch": "aicompute_tui.ui.screens.launch:LaunchScreen",
    "instance.preflight": "aicompute_tui.ui.screens.launch:LaunchScreen",
    "instance.types": "aicompute_tui.ui.screens.types:TypesScreen",
    "instance.list": "aicompute_tui.ui.screens.instances:InstancesScreen",
    "job.list": "aicompute_tui.ui.screens.jobs:JobsScreen",
    "event.list": "aicompute_tui.ui.screens.events:EventsScreen",
    "event.follow": "aicompute_tui.ui.screens.events:EventsScreen",
    "credential.list": "aicompute_tui.ui.screens.settings_credentials:CredentialsScreen",
    "setting.list": "aicompute_tui.ui.screens.settings_preferences:PreferencesScreen",
    "credential.set": "aicompute_tui.ui.screens.settings_credentials:AddCredentialScreen",
    "region.list": "aicompute_tui.ui.screens.settings_regions:RegionsScreen",
    "key.list": "aicompute_tui.ui.screens.settings_keys:KeysScreen",
    "theme.list": "aicompute_tui.ui.screens.settings_theme:ThemeScreen",
    "about.show": "aicompute_tui.ui.screens.settings_about:AboutScreen",
    "price.list": "aicompute_tui.ui.screens.prices:PricesScreen",
    "price.feeds": "aicompute_tui.ui.screens.price_feeds:PriceFeedsScreen",
    "price.refresh": "aicompute_tui.ui.screens.price_feeds:RefreshedFeedsScreen",
    "model.popular": "aicompute_tui.ui.screens.models:ModelsScreen",
    "model.trending": "aicompute_tui.ui.screens.models:TrendingModelsScreen",
    "model.search": "aicompute_tui.ui.screens.models:SearchModelsScreen",
    "model.show": "aicompute_tui.ui.screens.model:ModelScreen",
    "model.places": "aicompute_tui.ui.screens.model:ModelScreen",
    "price.llm": "aicompute_tui.ui.screens.llm_prices:LlmPricesScreen",
    "price.score": "aicompute_tui.ui.screens.placement_score:PlacementScoreScreen",
    "price.history": "aicompute_tui.ui.screens.price_history:PriceHistoryScreen",
    "quota.list": "aicompute_tui.ui.screens.quotas:QuotasScreen",
    "model.recommend": "aicompute_tui.ui.screens.recommend:RecommendScreen",
    "cost.plan": "aicompute_tui.ui.screens.cost_plan:CostPlanScreen",
    "doctor.run": "aicompute_tui.ui.screens.records:DoctorScreen",
    "container.list": "aicompute_tui.ui.screens.containers:ContainersScreen",
    "container.deploy": "aicompute_tui.ui.screens.deploy:DeployScreen",
    "container.plan": "aicompute_tui.ui.screens.deploy:DeployScreen",
    "connection.list": "aicompute_tui.ui.screens.connections:ConnectionsScreen",
    "host.list": "aicompute_tui.ui.screens.hosts:HostsScreen",
    "host.add": "aicompute_tui.ui.screens.hosts:AddHostScreen",
    "image.list": "aicompute_tui.ui.screens.stored:ImagesScreen",
    "volume.list": "aicompute_tui.ui.screens.stored:VolumesScreen",
    "server.list": "aicompute_tui.ui.screens.servers:ServersScreen",
    "registry.list": "aicompute_tui.ui.screens.stored:RegistriesScreen",
    "connection.usage": "aicompute_tui.ui.screens.connection_usage:UsageScreen",
    "connection.calls": "aicompute_tui.ui.screens.connection_usage:CallsScreen",
    "connection.find": "aicompute_tui.ui.screens.found:FoundScreen",
    "connection.health": "aicompute_tui.ui.screens.health:ConnectionHealthScreen",
    "connection.check": "aicompute_tui.ui.screens.health:ConnectionChecksScreen",
    "server.health": "aicompute_tui.ui.screens.health:ServerHealthScreen",
}
"""Views by the action that fills them; each is made with the session and what was given after the word."""

SUBJECT_SCREENS = {
    "overview.show": "aicompute_tui.ui.screens.dashboard:DashboardScreen",
    "instance.show": "aicompute_tui.ui.screens.detail:DetailScreen",
    "instance.logs": "aicompute_tui.ui.screens.logs:LogsScreen",
    "container.show": "aicompute_tui.ui.screens.container:ContainerScreen",
    "connection.show": "aicompute_tui.ui.screens.connection:ConnectionScreen",
    "container.logs": "aicompute_tui.ui.screens.container_logs:ContainerLogsScreen",
    "server.show": "aicompute_tui.ui.screens.server:ServerScreen",
    "connection.test": "aicompute_tui.ui.screens.connection_test:ConnectionTestScreen",
    "connection.ask": "aicompute_tui.ui.screens.connection_chat:ChatScreen",
}
"""Views of one machine or of containers, which stand over the view they were opened from."""

SHELLS = {
    "instance.ssh": "aicompute_tui.ui.shell:open_shell",
    "container.exec": "aicompute_tui.ui.shell:open_container_shell",
}
"""Async functions of (app, session, arguments) that hand the terminal over to a shell on a row."""

FLOWS = {
    "quota.request": "aicompute_tui.ui.quota_flows:request",
    "image.pull": "aicompute_tui.ui.stored_flows:pull_image",
    "image.prune": "aicompute_tui.ui.stored_flows:prune_images",
    "image.remove": "aicompute_tui.ui.stored_removal:remove_images",
    "volume.prune": "aicompute_tui.ui.stored_flows:prune_volumes",
    "volume.remove": "aicompute_tui.ui.stored_removal:remove_volumes",
    "registry.login": "aicompute_tui.ui.stored_flows:log_in",
    "container.recreate": "aicompute_tui.ui.stored_flows:recreate",
    "server.add": "aicompute_tui.ui.server_flows:add",
    "server.edit": "aicompute_tui.ui.server_flows:edit",
    "server.check": "aicompute_tui.ui.server_flows:check",
    "server.delete-model": "aicompute_tui.ui.server_flows:delete_model",
    "server.unload": "aicompute_tui.ui.server_flows:unload",
    "server.lora-unload": "aicompute_tui.ui.server_flows:unload_lora",
    "server.embed": "aicompute_tui.ui.server_flows:embed",
    "server.rerank": "aicompute_tui.ui.server_flows:rerank",
    "connection.add": "aicompute_tui.ui.connection_changes:add",
    "connection.edit": "aicompute_tui.ui.connection_changes:edit",
    "connection.embed": "aicompute_tui.ui.connection_changes:embed",
    "connection.rerank": "aicompute_tui.ui.connection_changes:rerank",
    "connection.export": "aicompute_tui.ui.connection_exchange:export",
    "connection.import": "aicompute_tui.ui.connection_exchange:import_connections",
}
"""Async functions of (app, session, targets, arguments) that ask a person more before they hand a job over."""

OVER = frozenset(
    {
        *("container.deploy", "container.plan", "connection.usage", "connection.calls", "connection.find"),
        *("connection.health", "connection.check", "server.health", "price.history", "price.score"),
        *("model.show", "model.places"),
    }
)
"""Views without a subject that stand over the one they were opened from nevertheless."""

OF_THE_ROW = frozenset({"connection.usage", "connection.calls"})
"""Those of them that are about the connection under the cursor, where there is one."""
