%% What the server of docs/Upgrade.md asks; its second version has another function in the place of the
%% first one's.
-module(tariff).
-vsn(?VSN).
-if(?VSN =:= 1).
-export([price/1]).
price(_) -> {1, 5}.
-else.
-export([price_and_tax/1]).
price_and_tax(_) -> {2, 5}.
-endif.
