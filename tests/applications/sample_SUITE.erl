%% A suite for Common Test, with a case that fails.
-module(sample_SUITE).
-include_lib("common_test/include/ct.hrl").
-compile([export_all, nowarn_export_all]).

all() -> [good, {group, several}, bad].

groups() -> [{several, [parallel], [first, second]}].

init_per_suite(Config) -> [{shared, 7} | Config].

end_per_suite(_) -> ok.

good(Config) ->
    7 = ?config(shared, Config),
    ct:log("seen ~p", [7]).

first(_) -> timer:sleep(5).

second(Config) ->
    Folder = ?config(priv_dir, Config),
    ok = file:write_file(filename:join(Folder, "written"), "x").

bad(_) -> ct:fail(on_purpose).
