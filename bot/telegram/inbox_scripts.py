"""The inbox's steps that must be all or nothing, as Lua for Redis 7.2 or Valkey.

What the server keeps, all under one prefix ``P`` (its braces keep it on one node of a cluster):

    P seen            sorted set: update id -> when; what arrived within two days
    P lane:<lane>     list: the updates of a lane that wait or are in hand, oldest first, each as
                      "<update id>|<join>|<when>|<JSON>"; ``join`` is a user's id where the update
                      may be answered together with the next one of the same user
    P ready:<ring>    stream of tokens, read by one consumer group: a lane stands in it at most
                      once, while it has updates. Whoever holds a lane's token serves that lane
    P turns:<ring>    set of the lanes that have a token, in the ring or delayed
    P delayed         sorted set: "<ring>|<lane>" -> when its token goes back to the ring
    P state:<lane>    hash: what was done for the update at the lane's head
    P lengths, total  updates in each lane, and in all
    P alive:<name>    lease of a process; without it its tokens are taken over
    P processes       hash: process -> how many updates it serves at a time
    P rate:<user>     when the user's allowance is full again
    P notices         list: sentences to be sent to those whose message was not taken
    P extras:<lane>   hash: what the buttons under the lane's last replies show, by turn
    P files:<lane>    hash: message -> the file it brought, for its edits that leave the file
    P dead, dead:<lane>   what was set aside: where and why; and the updates themselves
    P chats           sorted set: "<chat>:<topic>" -> when it last wrote
    P stats           hash of counters

A token is one turn of one lane: the holder takes the update at the head, and ``finish`` puts the
lane at the end of the ring again if more waits. That is the round-robin. Redis hands a token to
one consumer, keeps it pending until it is acknowledged, and lets another claim it when the holder
died; every change here first asks whether the caller still holds the token, so a process that was
thought dead can change nothing any more.

All scripts may run when the memory bound is reached: the queue is bounded by count, and one must
be able to say /forget just then.
"""

from __future__ import annotations

from bot.telegram.inbox_upkeep_scripts import FORGET, HEAD, LINE, ROLE, TICK

GROUP = "bots"

#: ARGV: JSON of the bounds, JSON of the updates. Returns for each: new, dup, full or limited.
STORE = (
    HEAD
    + """
local bounds, items = cjson.decode(ARGV[1]), cjson.decode(ARGV[2])
local now = now_ms()
redis.call('ZREMRANGEBYSCORE', P .. 'seen', 0, now - bounds.seen_ms)
local function allowed(user)
  local key = P .. 'rate:' .. user
  local full = math.max(tonumber(redis.call('GET', key) or 0), now) + 60000 / bounds.per_minute
  if full - now > 60000 then return false end
  redis.call('SET', key, full, 'PX', 60000)
  return true
end
local function notify(item, kind)
  -- one sentence in a while is polite; one for each message of a flood is a flood
  if redis.call('SET', P .. 'noticed:' .. item.lane .. ':' .. kind, 1, 'NX', 'PX', bounds.notice_ms) then
    redis.call('RPUSH', P .. 'notices', cjson.encode({kind = kind, to = item.to}))
    redis.call('LTRIM', P .. 'notices', -1000, -1)
  end
end
local results = {}
for i, item in ipairs(items) do
  if redis.call('ZADD', P .. 'seen', 'NX', now, item.id) == 0 then
    results[i] = 'dup'
  elseif item.refuse then
    notify(item, item.refuse)
    results[i] = item.refuse
  elseif item.limit and not allowed(item.user) then
    notify(item, 'limited')
    results[i] = 'limited'
  elseif item.limit and (tonumber(redis.call('GET', P .. 'total') or 0) >= bounds.total
      or redis.call('LLEN', P .. 'lane:' .. item.lane) >= bounds.lane) then
    notify(item, 'full')
    results[i] = 'full'
  else
    local key = P .. 'lane:' .. item.lane
    local entry = item.id .. '|' .. item.join .. '|' .. now .. '|' .. item.update
    redis.call('RPUSH', key, entry)
    redis.call('PEXPIRE', key, bounds.keep_ms)
    redis.call('HINCRBY', P .. 'lengths', item.lane, 1)
    redis.call('INCR', P .. 'total')
    if item.chat then redis.call('ZADD', P .. 'chats', now, item.chat) end
    if redis.call('SADD', P .. 'turns:' .. item.ring, item.lane) == 1 then
      if item.join ~= '' and bounds.join_ms > 0 then
        redis.call('ZADD', P .. 'delayed', now + bounds.join_ms, item.ring .. '|' .. item.lane)
      else
        redis.call('XADD', ring_of(item.ring), '*', 'lane', item.lane)
      end
    end
    results[i] = 'new'
  end
end
return results
"""
)

#: ARGV: ring, lane, token, process, most updates to join, how long the state is kept (ms).
#: Returns nothing where the token is not the caller's or the lane is empty; otherwise the state
#: as a flat list, the updates, and how many more wait in the lane.
OPEN = (
    HEAD
    + """
local ring, lane, token, name = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
if not holds(ring, token, name) then return false end
local key, state = P .. 'lane:' .. lane, P .. 'state:' .. lane
local function parts(entry)
  local id, join = string.match(entry, '^(%-?%d+)|([^|]*)|')
  return id, join
end
local first = redis.call('LINDEX', key, 0)
if not first then
  shrink(lane, tonumber(redis.call('HGET', P .. 'lengths', lane) or 0))
  redis.call('DEL', state)
  drop_token(ring, token)
  redis.call('SREM', P .. 'turns:' .. ring, lane)
  return false
end
local id, join = parts(first)
if redis.call('HGET', state, 'update_id') ~= id then
  redis.call('DEL', state)
  redis.call('HSET', state, 'update_id', id)
end
local n = tonumber(redis.call('HGET', state, 'n') or 0)
if n == 0 then
  n = 1
  if join ~= '' then
    local more = redis.call('LRANGE', key, 1, tonumber(ARGV[5]) - 1)
    for _, entry in ipairs(more) do
      local _, other = parts(entry)
      if other ~= join then break end
      n = n + 1
    end
  end
  redis.call('HSET', state, 'n', n)
end
if redis.call('HGET', state, 'holder') ~= token .. name then
  redis.call('HSET', state, 'holder', token .. name)
  redis.call('HINCRBY', state, 'attempts', 1)
end
redis.call('PEXPIRE', state, ARGV[6])
return {redis.call('HGETALL', state), redis.call('LRANGE', key, 0, n - 1), redis.call('LLEN', key) - n}
"""
)

#: ARGV: ring, lane, token, process, then fields and values. Returns 1, or 0 if not the caller's.
NOTE = (
    HEAD
    + """
if not holds(ARGV[1], ARGV[3], ARGV[4]) then return 0 end
local fields = {}
for i = 5, #ARGV do fields[#fields + 1] = ARGV[i] end
if #fields > 0 then redis.call('HSET', P .. 'state:' .. ARGV[2], unpack(fields)) end
return 1
"""
)

#: ARGV: ring, lane, token, process, seconds it took, reason it is set aside or "", how long what
#: was set aside (or the extras) are kept (ms), the extras' name or "" and the extras, then names of
#: counters.
FINISH = (
    HEAD
    + """
local ring, lane, token, name = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
if not holds(ring, token, name) then return 0 end
local key, state = P .. 'lane:' .. lane, P .. 'state:' .. lane
local id, n = redis.call('HGET', state, 'update_id'), tonumber(redis.call('HGET', state, 'n') or 0)
local taken = 0
for i = 1, n do
  local entry = redis.call('LPOP', key)
  if not entry then break end
  taken = taken + 1
  if ARGV[6] ~= '' then
    redis.call('RPUSH', P .. 'dead:' .. lane, entry)
    redis.call('PEXPIRE', P .. 'dead:' .. lane, ARGV[7])
  end
end
if ARGV[6] ~= '' then
  local record = {update_id = id, lane = lane, reason = ARGV[6], at = tostring(now_ms())}
  redis.call('RPUSH', P .. 'dead', cjson.encode(record))
  redis.call('HINCRBY', P .. 'stats', 'set_aside', 1)
  redis.call('LTRIM', P .. 'dead', -1000, -1)
end
shrink(lane, taken)
redis.call('DEL', state)
drop_token(ring, token)
hand_on(ring, lane)
if ring == 'main' then
  local took, stats = tonumber(ARGV[5]), P .. 'stats'
  local pace = tonumber(redis.call('HGET', stats, 'pace_s') or took)
  -- what people are told they wait: up at once and down slowly, for who waits longer than was said is
  -- angry, and after some quick answers the next slow one is as slow as ever
  local slow = tonumber(redis.call('HGET', stats, 'slow_s') or took)
  local share = took > slow and 0.5 or 0.05
  redis.call('HSET', stats, 'pace_s', tostring(0.7 * pace + 0.3 * took),
    'slow_s', tostring(slow + share * (took - slow)))
end
if ARGV[8] ~= '' then
  local extras = P .. 'extras:' .. lane
  redis.call('HSET', extras, ARGV[8], ARGV[9])
  redis.call('PEXPIRE', extras, ARGV[7])
  -- of the oldest replies they go
  redis.call('RPUSH', extras .. ':names', ARGV[8])
  redis.call('PEXPIRE', extras .. ':names', ARGV[7])
  while redis.call('LLEN', extras .. ':names') > 30 do
    redis.call('HDEL', extras, redis.call('LPOP', extras .. ':names'))
  end
end
for i = 10, #ARGV do redis.call('HINCRBY', P .. 'stats', ARGV[i], 1) end
return 1
"""
)

#: ARGV: ring, lane, token, process, delay (ms), 1 if the update is not to blame.
DEFER = (
    HEAD
    + """
local ring, lane, token, name = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
if not holds(ring, token, name) then return 0 end
local state = P .. 'state:' .. lane
if ARGV[6] == '1' and redis.call('EXISTS', state) == 1 then
  redis.call('HINCRBY', state, 'attempts', -1)
  redis.call('HINCRBY', state, 'defers', 1)
elseif redis.call('EXISTS', state) == 1 then
  redis.call('HINCRBY', state, 'failures', 1)
end
drop_token(ring, token)
if tonumber(ARGV[5]) > 0 then
  redis.call('ZADD', P .. 'delayed', now_ms() + tonumber(ARGV[5]), ring .. '|' .. lane)
else
  hand_on(ring, lane)
end
return 1
"""
)

#: All of them, by name.
SCRIPTS = {
    "STORE": STORE,
    "OPEN": OPEN,
    "NOTE": NOTE,
    "FINISH": FINISH,
    "DEFER": DEFER,
    "TICK": TICK,
    "LINE": LINE,
    "FORGET": FORGET,
    "ROLE": ROLE,
}
