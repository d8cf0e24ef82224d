"""The inbox's scripts that no single update needs: leases, the line, roles, forgetting.

What is stored stands in ``bot.telegram.inbox_scripts``. Here is also what all scripts begin with.
"""

from __future__ import annotations

#: What every script begins with.
HEAD = """#!lua flags=allow-oom
local P = KEYS[1]
local function now_ms()
  local t = redis.call('TIME')
  return t[1] * 1000 + math.floor(t[2] / 1000)
end
local function ring_of(ring) return P .. 'ready:' .. ring end
local function holds(ring, token, name)
  local held = redis.call('XPENDING', ring_of(ring), 'bots', token, token, 1)
  return held[1] ~= nil and held[1][2] == name
end
local function drop_token(ring, token)
  redis.call('XACK', ring_of(ring), 'bots', token)
  redis.call('XDEL', ring_of(ring), token)
end
local function shrink(lane, n)
  if n <= 0 then return end
  local left = redis.call('HINCRBY', P .. 'lengths', lane, -n)
  if left <= 0 then redis.call('HDEL', P .. 'lengths', lane) end
  local total = redis.call('DECRBY', P .. 'total', n)
  if total < 0 then redis.call('SET', P .. 'total', 0) end
end
local function hand_on(ring, lane)
  if redis.call('LLEN', P .. 'lane:' .. lane) > 0 then
    redis.call('XADD', ring_of(ring), '*', 'lane', lane)
  else
    redis.call('SREM', P .. 'turns:' .. ring, lane)
  end
end
"""

#: ARGV: process, lease (ms), how many it serves at a time, 1 if it may take over, ring, how many
#: to take over, then the tokens it has in hand. Returns the tokens taken over (token, lane, …).
TICK = (
    HEAD
    + """
local name, ring, now = ARGV[1], ARGV[5], now_ms()
-- a write may cost a disk access, so only what has to be renewed is
if redis.call('PTTL', P .. 'alive:' .. name) < tonumber(ARGV[2]) * 2 / 3 then
  redis.call('SET', P .. 'alive:' .. name, 1, 'PX', ARGV[2])
end
if ring == 'main' and redis.call('HGET', P .. 'processes', name) ~= ARGV[3] then
  redis.call('HSET', P .. 'processes', name, ARGV[3])
end
for _, member in ipairs(redis.call('ZRANGEBYSCORE', P .. 'delayed', 0, now, 'LIMIT', 0, 100)) do
  redis.call('ZREM', P .. 'delayed', member)
  local r, lane = string.match(member, '^(%a+)|(.*)$')
  hand_on(r, lane)
end
local wanted, taken, mine = tonumber(ARGV[6]), {}, {}
if wanted <= 0 then return taken end
for i = 7, #ARGV do mine[ARGV[i]] = true end
for _, held in ipairs(redis.call('XPENDING', ring_of(ring), 'bots', '-', '+', 1000)) do
  local token, holder, idle = held[1], held[2], held[3]
  local lost
  if holder == name then
    lost = not mine[token] and idle > 2000
  else
    lost = ARGV[4] == '1' and redis.call('EXISTS', P .. 'alive:' .. holder) == 0
  end
  if lost then
    local claimed = redis.call('XCLAIM', ring_of(ring), 'bots', name, 0, token)
    taken[#taken + 1] = token
    taken[#taken + 1] = claimed[1][2][2]
    if #taken >= 2 * wanted then break end
  end
end
return taken
"""
)

#: Returns the lanes whose turn in the main ring has not come, in order, each with the update at
#: its head, and then how many updates all living processes serve at a time and how long one takes:
#: rather too long than too short, and at least as long as all that are in hand have taken already.
LINE = (
    HEAD
    + """
local last = '0-0'
for _, group in ipairs(redis.call('XINFO', 'GROUPS', ring_of('main'))) do
  for i = 1, #group, 2 do
    if group[i] == 'last-delivered-id' then last = group[i + 1] end
  end
end
local line = {}
for _, token in ipairs(redis.call('XRANGE', ring_of('main'), '(' .. last, '+', 'COUNT', ARGV[1])) do
  line[#line + 1] = token[2][2]
  line[#line + 1] = redis.call('LINDEX', P .. 'lane:' .. token[2][2], 0) or ''
end
local slots, processes = 0, redis.call('HGETALL', P .. 'processes')
for i = 1, #processes, 2 do
  if redis.call('EXISTS', P .. 'alive:' .. processes[i]) == 1 then
    slots = slots + tonumber(processes[i + 1])
  else
    redis.call('HDEL', P .. 'processes', processes[i])
  end
end
local longest = tonumber(redis.call('HGET', P .. 'stats', 'slow_s') or 1)
local idle
for _, held in ipairs(redis.call('XPENDING', ring_of('main'), 'bots', '-', '+', 1000)) do
  idle = math.min(idle or held[3], held[3])
end
return {line, tostring(slots), tostring(math.max(longest, (idle or 0) / 1000)), tostring(now_ms())}
"""
)

#: ARGV: lane, then 1 if also what waits is to go. Deletes what was set aside and kept of a lane, and
#: what waits in it but for the update in hand. Returns how many updates went.
FORGET = (
    HEAD
    + """
local lane, gone = ARGV[1], redis.call('LLEN', P .. 'dead:' .. ARGV[1])
redis.call('DEL', P .. 'dead:' .. lane, P .. 'files:' .. lane, P .. 'extras:' .. lane,
  P .. 'extras:' .. lane .. ':names')
redis.call('ZREM', P .. 'chats', lane)
if ARGV[2] == '1' then
  local key = P .. 'lane:' .. lane
  local n = tonumber(redis.call('HGET', P .. 'state:' .. lane, 'n') or 0)
  local waiting = redis.call('LLEN', key) - n
  if waiting > 0 then
    if n == 0 then redis.call('DEL', key) else redis.call('LTRIM', key, 0, n - 1) end
    shrink(lane, waiting)
    gone = gone + waiting
  end
end
return gone
"""
)

#: ARGV: role, process, lease (ms). Returns 1 if the process has the role now; 0 ms
#: gives it back.
ROLE = (
    HEAD
    + """
local key = P .. 'role:' .. ARGV[1]
local holder = redis.call('GET', key)
if holder and holder ~= ARGV[2] then return 0 end
if ARGV[3] == '0' then
  redis.call('DEL', key)
elseif redis.call('PTTL', key) < tonumber(ARGV[3]) * 2 / 3 then
  redis.call('SET', key, ARGV[2], 'PX', ARGV[3])
end
return 1
"""
)
