"""The scripts that run inside the server. Each is one step that happens entirely or not at all.

A writer shows the token of its lock in the same step as it writes: one whose lock ran out while the
machine slept writes nothing (Kleppmann, "How to do distributed locking", 2016, calls it fencing).
What takes no room to speak of also runs on a full server (``allow-oom``, Redis 7 or Valkey), so that
one can still make room.
"""

#: KEYS lock, state; ARGV token, ms. Asking twice with one token, after a lost answer, is no second
#: holder. Returns nothing while another holds it, else the state in a list (nil where there is none).
ACQUIRE = """#!lua flags=allow-oom
local holder = redis.call('GET', KEYS[1])
if holder and holder ~= ARGV[1] then return false end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return {redis.call('GET', KEYS[2])}
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

#: KEYS lock, state, documents, stop; ARGV token, ttl, state, 1 to let the lock go, number to drop, ids
#: to drop..., id, text, ... What is deleted goes first: a full server lets a script write that began
#: by making room. Once let go of, asking again after a lost answer finds its own state there.
SAVE = """
if redis.call('GET', KEYS[1]) ~= ARGV[1] then
  return ARGV[4] == '1' and redis.call('GET', KEYS[2]) == ARGV[3] and 1 or 0
end
local first = 6 + tonumber(ARGV[5])
for i = 6, first - 1 do redis.call('HDEL', KEYS[3], ARGV[i]) end
for i = first, #ARGV, 2 do redis.call('HSET', KEYS[3], ARGV[i], ARGV[i + 1]) end
redis.call('SET', KEYS[2], ARGV[3], 'EX', ARGV[2])
redis.call('EXPIRE', KEYS[3], ARGV[2])
if ARGV[4] == '1' then redis.call('DEL', KEYS[1], KEYS[4]) end
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
