"""The scripts that run inside the server. Each is one step that happens entirely or not at all.

A writer shows the token of its lock in the same step as it writes: one whose lock ran out while the
machine slept writes nothing (Kleppmann, "How to do distributed locking", 2016, calls it fencing).
What takes no room to speak of also runs on a full server (``allow-oom``, Redis 7 or Valkey), so that
one can still make room.
"""

#: KEYS lock; ARGV token, ms. Asking twice with one token, after a lost answer, is no second holder.
ACQUIRE = """#!lua flags=allow-oom
local holder = redis.call('GET', KEYS[1])
if holder and holder ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1
"""

#: KEYS lock, stop; ARGV token.
RELEASE = """
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
redis.call('DEL', KEYS[1], KEYS[2])
return 1
"""

#: KEYS lock, stop; ARGV token, ms. Written only once a third is over: a write costs a disk access.
RENEW = """
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return {0, 0} end
if redis.call('PTTL', KEYS[1]) < tonumber(ARGV[2]) * 2 / 3 then
  redis.call('PEXPIRE', KEYS[1], ARGV[2])
end
local stop = redis.call('GET', KEYS[2]) == ARGV[1]
return {1, stop and 1 or 0}
"""

#: KEYS lock, state, documents; ARGV token, ttl, state, number to drop, ids to drop..., id, text, ...
#: What is deleted goes first: a full server lets a script write that began by making room.
SAVE = """
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
local first = 5 + tonumber(ARGV[4])
for i = 5, first - 1 do redis.call('HDEL', KEYS[3], ARGV[i]) end
for i = first, #ARGV, 2 do redis.call('HSET', KEYS[3], ARGV[i], ARGV[i + 1]) end
redis.call('SET', KEYS[2], ARGV[3], 'EX', ARGV[2])
redis.call('EXPIRE', KEYS[3], ARGV[2])
return 1
"""

#: KEYS lock, state, aside; ARGV token, ttl.
SET_ASIDE = """#!lua flags=allow-oom
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
local state = redis.call('GET', KEYS[2])
if state then
  redis.call('RPUSH', KEYS[3], state)
  redis.call('EXPIRE', KEYS[3], ARGV[2])
  redis.call('DEL', KEYS[2])
end
return 1
"""

#: KEYS lock, stop; ARGV ms. Addressed to the holder of now; without one there is nothing to stop.
REQUEST_STOP = """#!lua flags=allow-oom
local holder = redis.call('GET', KEYS[1])
if not holder then return 0 end
redis.call('SET', KEYS[2], holder, 'PX', ARGV[1])
return 1
"""
