package socketio

// The scripts that Redis runs. KEYS[1] has the instances by the moment at which
// their lease ends, in milliseconds of the server's clock; KEYS[2] is what the
// keys of each instance begin with: its hash of sockets by member, the note that
// others took it for dead, and the list of whom it is told that they have gone. ARGV[1] is the instance that asks.

// head is the beginning of each script.
const head = `
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local function text(n) return string.format('%.0f', n) end
local me, mine = ARGV[1], KEYS[2] .. (ARGV[1] or '')
local live = redis.call('ZRANGEBYSCORE', KEYS[1], '(' .. text(now), '+inf')
local function elsewhere(member)
	local n = 0
	for _, i in ipairs(live) do
		if i ~= me then n = n + (redis.call('HGET', KEYS[2] .. i, member) or 0) end
	end
	return n
end
local function known()
	for _, i in ipairs(live) do if i == me then return true end end
	return false
end
local function hold(lease, keep)
	redis.call('ZADD', KEYS[1], text(now + lease), me)
	redis.call('PEXPIRE', KEYS[1], keep)
	redis.call('PEXPIRE', mine, keep)
end
`

// countScript sets the count of a member to ARGV[3], unless that made more than
// ARGV[4] in all, and returns how many there are.
const countScript = head + `
if not known() then return {'unknown'} end
local n, most = tonumber(ARGV[3]), tonumber(ARGV[4])
local total = elsewhere(ARGV[2]) + n
if most > 0 and total > most then return {'many'} end
if n > 0 then redis.call('HSET', mine, ARGV[2], n) else redis.call('HDEL', mine, ARGV[2]) end
return {text(total)}`

// replaceScript sets all counts of an instance, from ARGV[4] on, and returns the
// members who were said to have gone.
const replaceScript = head + `
redis.call('DEL', mine)
local told = redis.call('DEL', mine .. ':dead') == 1
local back = {}
for i = 4, #ARGV, 2 do
	redis.call('HSET', mine, ARGV[i], ARGV[i + 1])
	if told and elsewhere(ARGV[i]) == 0 then back[#back + 1] = ARGV[i] end
end
hold(ARGV[2], ARGV[3])
return back`

// beatScript holds the lease of an instance that has ARGV[4] members, and returns
// the members who have gone with instances that lost theirs. Whoever has lost
// it themselves finds nobody dead: it may have been the line for all. What is
// returned is kept, and returned again until ARGV[5] says that it was heard.
const beatScript = head + `
if not known() or redis.call('HLEN', mine) ~= tonumber(ARGV[4]) then return {'unknown'} end
hold(ARGV[2], ARGV[3])
local out, seen = {'known'}, {}
local function gone(members)
	for _, member in ipairs(members) do
		if not seen[member] and elsewhere(member) == 0 and redis.call('HEXISTS', mine, member) == 0 then
			out[#out + 1] = member
		end
		seen[member] = true
	end
end
local function take(key)
	local members = redis.call('LRANGE', key, 0, -1)
	redis.call('DEL', key)
	return members
end
local unheard = take(mine .. ':gone')
if ARGV[5] ~= 'heard' then gone(unheard) end
for _, i in ipairs(redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', text(now))) do
	local key = KEYS[2] .. i
	gone(redis.call('HKEYS', key))
	gone(take(key .. ':gone'))
	redis.call('DEL', key)
	redis.call('ZREM', KEYS[1], i)
	redis.call('SET', key .. ':dead', 1, 'PX', ARGV[3])
end
for i = 2, #out do redis.call('RPUSH', mine .. ':gone', out[i]) end
if #out > 1 then redis.call('PEXPIRE', mine .. ':gone', ARGV[3]) end
return out`

// membersScript returns who is counted by an instance that holds its lease.
const membersScript = head + `
local out, seen = {}, {}
for _, i in ipairs(live) do
	for _, member in ipairs(redis.call('HKEYS', KEYS[2] .. i)) do
		if not seen[member] then out[#out + 1] = member end
		seen[member] = true
	end
end
return out`

// goodbyeScript takes an instance off.
const goodbyeScript = head + `
redis.call('DEL', mine, mine .. ':dead', mine .. ':gone')
redis.call('ZREM', KEYS[1], me)
return {}`
