-- Hands out slots: the rule of rule.go, in the engine, where it is one step for all hosts. The
-- names are those of rule.go; a test compares the two answer by answer. Without ARGV[13] it
-- answers a question; with it, it holds a lane for so many microseconds.
--
-- KEYS[1]  the state, a hash
-- ARGV     lane, hello, known, ticket, down, slot, depth, horizon, settle, share of the
--          resolver, share of the background, most, hold

local lane, hello, known = tonumber(ARGV[1]), ARGV[2] == '1', ARGV[3] == '1'
local ticket, down = tonumber(ARGV[4]), tonumber(ARGV[5])
local T, depth, horizon, settle = tonumber(ARGV[6]), tonumber(ARGV[7]), tonumber(ARGV[8]), tonumber(ARGV[9])
local share = {[0] = 0, tonumber(ARGV[10]), tonumber(ARGV[11])}
local most, hold = tonumber(ARGV[12]), tonumber(ARGV[13])
local GRANTED, LATER, SETTLING, WELCOME = 0, 1, 2, 3
local PAUSE_MOST = 600000000
local max, min, floor = math.max, math.min, math.floor

local clock = redis.call('TIME')
local now = tonumber(clock[1]) * 1000000 + tonumber(clock[2])
-- Another run of the server may have lost what was written last, however it keeps it.
local run = string.match(redis.call('INFO', 'server'), 'run_id:(%x+)')

local names = {'next', 'low', 'fore', 'cap', 'last', 'settle',
  'ask0', 'ask1', 'ask2', 'due0', 'due1', 'due2', 'pause0', 'pause1', 'pause2'}
local s = {run = redis.call('HGET', KEYS[1], 'run') or ''}
for i, value in ipairs(redis.call('HMGET', KEYS[1], unpack(names))) do
  s[names[i]] = tonumber(value or 0)
end

local function write()
  local args = {'run', s.run}
  for _, name in ipairs(names) do
    args[#args + 1] = name
    args[#args + 1] = string.format('%.0f', s[name])
  end
  redis.call('HSET', KEYS[1], unpack(args))
end

local function begin()
  local lost = down > 0 and s.last <= now - down
  if s.run ~= run then
    lost = lost or known or s.run ~= ''
    s.run, s.next = run, now + horizon + 2 * T
  end
  if lost and settle > 0 and now >= s.settle then
    s.settle = now + settle
    s.next = max(s.next, s.settle + horizon)
  end
  s.last = now
  s.settle = min(s.settle, now + settle)
end

local function bound()
  s.next = min(s.next, now + horizon + 2 * T)
  s.low, s.fore, s.cap = min(s.low, s.next - T), min(s.fore, now), min(s.cap, now + most)
  for l = 0, 2 do
    s['pause' .. l] = min(s['pause' .. l], now + PAUSE_MOST)
    s['ask' .. l] = min(s['ask' .. l], max(now, s['pause' .. l]) + 1024 * T)
    s['due' .. l] = min(s['due' .. l], now + share[l])
  end
end

local function may_fill()
  if lane == 1 then
    local waits = s.ask2 > now - 2 * T and s.due2 <= now and now < s.due2 + 2 * T
    return not waits or s.due1 <= now
  end
  if most > 0 and s.fore > now - 1000000 and now < s.cap then
    return false
  end
  return s.ask1 <= now - 2 * T or s.due2 <= now
end

local function wanted(slot)
  if now < s['pause' .. lane] then
    return s['pause' .. lane]
  end
  if lane == 0 then
    if slot > now + horizon then return slot - horizon end
    return 0
  end
  local due = 'due' .. lane
  if s[due] < now - 4 * T then s[due] = now end
  local near = slot <= now + T
  if s[due] <= now and slot - s.low >= 2 * T and slot <= now + horizon + T then return 0 end
  if near and may_fill() then return 0 end
  if near then return max(now + T, min(s[due], now + 4 * T)) end
  return max(now + floor(T / 2), min(s[due], slot - T))
end

local function line(slot, want)
  local ask, gap = 'ask' .. lane, T - now % (floor(T / 8) + 1)
  local queue = lane ~= 0 and slot > now + 2 * T
  if queue or lane == 2 and s.ask1 > now - 2 * T then
    gap = 2 * T + now % T
  end
  s[ask] = max(want, s[ask] + gap)
  return s[ask]
end

begin()
if hold then
  for l = lane, 2 do
    s['pause' .. l] = max(s['pause' .. l], now + min(hold, PAUSE_MOST))
  end
  write()
  return {GRANTED, now, now}
end
if now < s.settle then
  write()
  return {SETTLING, s.settle, now}
end
if hello then
  write()
  return {WELCOME, now, now}
end
bound()
local slot = max(s.next, now - (depth - 1) * T, s['pause' .. lane])
local want = wanted(slot)
if want == 0 and ticket == 0 and s['ask' .. lane] > now then
  want = s['ask' .. lane]
end
if want ~= 0 then
  local at = line(slot, want)
  write()
  return {LATER, at, now}
end
s.next = slot + T
if lane == 0 then
  s.fore = now
else
  local due = 'due' .. lane
  s.low = slot
  s[due] = min(max(s[due] + share[lane], now), now + share[lane])
  if lane == 2 then s.cap = now + most end
end
write()
return {GRANTED, max(slot, now), now}
