/**
 * What Redis does for a channel with history, each in one step. A channel has two keys:
 *
 * - KEYS[1], a stream: the messages, each with the id `<offset>-<time>` and one field, `message`;
 * - KEYS[2], a hash: `epoch`, `offset` (of the newest message) and `tend` (when to drop what is too old next). It outlives the
 *   stream, so that a quiet channel keeps its epoch.
 *
 * What is in the stream and does not look like this is somebody else's, ignored, and counted for who is to be told.
 */

/** How long a position outlives the messages, in milliseconds: a day at least, and some time more, to renew it now and then only. */
const IDLE_TIME = 25 * 60 * 60 * 1000;
const RENEW_TIME = 24 * 60 * 60 * 1000;

const COMMON = `
local stream, position = KEYS[1], KEYS[2]
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)

local function number(value)
  return string.format('%.0f', value)
end

-- The offset and the time of an entry; nothing if it is somebody else's.
local function place(entry)
  local offset, time = string.match(entry[1], '^(%d+)-(%d+)$')
  local fields = entry[2]
  if fields and #fields == 2 and fields[1] == 'message' then return tonumber(offset), tonumber(time) end
end

-- The first entry from an offset on that is ours.
local function first_from(offset)
  local from = number(offset)
  while true do
    local entry = redis.call('XRANGE', stream, from, '+', 'COUNT', 1)[1]
    if not entry then return end
    local found, time = place(entry)
    if found and found >= offset then return found, time end
    from = '(' .. entry[1]
  end
end

-- The offset of the first message that is younger than an age, between two offsets; one past the last if none is.
local function first_younger(age, from, to)
  local first, time = first_from(from)
  if not first or first > to then return to + 1 end
  if time > now - age then return first end
  local old = first
  local young = to + 1
  while young - old > 1 do
    local middle = math.floor((old + young) / 2)
    local offset, its_time = first_from(middle)
    if not offset or offset > to then
      young = middle
    elseif its_time > now - age then
      young = middle
    else
      old = offset
    end
  end
  return young
end

-- Where the channel stands. Without a position whatever is in the stream means nothing.
local function state(fresh)
  local found = redis.call('HMGET', position, 'epoch', 'offset', 'tend')
  local epoch, offset = found[1], tonumber(found[2])
  if epoch and offset then return epoch, offset, tonumber(found[3]) or 0 end
  -- Only where there is something: after any write Redis no longer asks whether it is out of memory.
  if redis.call('EXISTS', stream, position) > 0 then redis.call('DEL', stream, position) end
  return fresh, 0, 0
end
`;

/**
 * Appends and publishes. ARGV: a new epoch, how many messages are kept, for how long (ms), SPUBLISH or PUBLISH, the channel, the
 * messages. Returns the epoch, the offset of the first, and how many strange entries were removed.
 */
const APPEND = `${COMMON}
local fresh, keep, age, publish, channel = ARGV[1], ARGV[2], tonumber(ARGV[3]), ARGV[4], ARGV[5]
local epoch, newest, tend = state(fresh)
if redis.call('EXISTS', stream) == 0 then tend = 0 end
local time = '-' .. number(now)

local function add(offset, message)
  return redis.pcall('XADD', stream, 'MAXLEN', keep, number(offset) .. time, 'message', message)
end

-- Somebody else's entries stand where ours are to come.
local removed = 0
local function make_room()
  local last = number(newest) .. '-18446744073709551615'
  while true do
    local strange = redis.call('XRANGE', stream, '(' .. last, '+', 'COUNT', 100)
    if #strange == 0 then break end
    for _, entry in ipairs(strange) do redis.call('XDEL', stream, entry[1]) end
    removed = removed + #strange
  end
  redis.call('XSETID', stream, last)
end

local header, messages = { epoch, number(newest + 1) }, {}
for index = 6, #ARGV do
  local message = ARGV[index]
  local added = add(newest + 1, message)
  if added.err and string.find(added.err, 'equal or smaller', 1, true) then
    make_room()
    added = add(newest + 1, message)
  end
  if added.err then return added end
  newest = newest + 1
  header[#header + 1] = #message
  messages[#messages + 1] = message
end

if tend <= now then
  local interval = math.min(math.floor(age / 10), 3600000)
  local young = first_younger(age, 1, newest)
  redis.call('XTRIM', stream, 'MINID', number(young))
  redis.call('PEXPIRE', stream, number(age + interval + 1000))
  redis.call('HSET', position, 'epoch', epoch, 'offset', number(newest), 'tend', number(now + interval))
  redis.call('PEXPIRE', position, number(age + ${IDLE_TIME}))
else
  redis.call('HSET', position, 'offset', number(newest))
end
redis.call(publish, channel, '\\193\\1' .. table.concat(header, ' ') .. '\\n' .. table.concat(messages))
return { header[1], header[2], removed }
`;

/**
 * Reads a page. ARGV: a new epoch, after which offset, how many at most, how many bytes, how many messages are kept, for how long
 * (ms). Returns the epoch, the newest and the oldest offset, the offset of the first that is read, the messages, and how many strange
 * entries are between them.
 */
const READ = `${COMMON}
local fresh, after, limit = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
local bytes, keep, age = tonumber(ARGV[4]), tonumber(ARGV[5]), tonumber(ARGV[6])
local epoch, newest, tend = state(fresh)
if epoch == fresh then redis.call('HSET', position, 'epoch', epoch, 'offset', '0', 'tend', '0') end
if redis.call('PTTL', position) < ${RENEW_TIME} then redis.call('PEXPIRE', position, number(age + ${IDLE_TIME})) end

local oldest = newest + 1
if newest > 0 then oldest = first_younger(age, math.max(newest - keep + 1, 1), newest) end
if after < 0 then after = newest + after end
local expected = math.max(after + 1, oldest)
local first, messages = expected, {}
local from = number(expected)
local count, strange = 1, 0
while #messages < limit and expected <= newest do
  local entries = redis.call('XRANGE', stream, from, number(newest), 'COUNT', count)
  for _, entry in ipairs(entries) do
    local offset = place(entry)
    if offset and offset >= expected then
      if offset > expected then
        -- Somebody took messages away: what is before them can not be followed any more.
        first, oldest, messages = offset, offset, {}
      end
      expected = offset + 1
      bytes = bytes - #entry[2][2]
      if bytes < 0 and #messages > 0 then limit = 0 break end
      messages[#messages + 1] = entry[2][2]
      if #messages == limit then break end
    else
      strange = strange + 1
    end
  end
  if #entries == 0 then
    -- Somebody took the newest ones away.
    first, oldest, messages = newest + 1, newest + 1, {}
    break
  end
  from = '(' .. entries[#entries][1]
  -- No more than will fit, as far as that can be told.
  local size = math.max(1, #entries[#entries][2][2])
  count = math.max(1, math.min(count * 4, 256, limit - #messages, math.floor(bytes / size)))
end
return { epoch, number(newest), number(oldest), number(first), messages, strange }
`;

/** Forgets a channel. ARGV: a new epoch, the epoch that it has to have or nothing. */
const FORGET = `
local epoch = redis.call('HGET', KEYS[2], 'epoch')
if ARGV[2] ~= '' and ARGV[2] ~= epoch then return 0 end
redis.call('DEL', KEYS[1])
redis.call('HSET', KEYS[2], 'epoch', ARGV[1], 'offset', '0', 'tend', '0')
redis.call('PEXPIRE', KEYS[2], '${IDLE_TIME}')
return 1
`;

/** The scripts, by what they are called as commands of a client. */
export const HISTORY_SCRIPTS = {
  appendHistory: { numberOfKeys: 2, lua: APPEND },
  readHistory: { numberOfKeys: 2, lua: READ },
  forgetHistory: { numberOfKeys: 2, lua: FORGET },
} as const;
