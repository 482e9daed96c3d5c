-- A buyer's click: the sealed order to the bridge, which must lead to a window.
dofile(debug.getinfo(1, "S").source:match("@(.*/)") .. "load.lua")
target = "/checkout"

function good(status, body)
  return status == 303
end
