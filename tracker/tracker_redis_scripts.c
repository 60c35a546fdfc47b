#include "tracker/tracker_redis.h"

/*
 * ARGV[1] is the shard's prefix, KEYS[1] the key that names the slot; the other keys a script
 * touches are in the same slot. Numbers stay text wherever they are only stored or compared for
 * equality, so that no digit is lost in a double. Field names: v version, f format, c created_at,
 * d due_at, s settled_at, e expires_at, o lease owner, g group, h hash of the group, t state, p
 * plan; of a parked message: w first seen, e expires, s source, r reason, d digest, b body.
 */
#define PLACE "local function place(ms,id) return string.format('%015d',tonumber(ms))..id end\n"

const char *const redis_script_texts[REDIS_SCRIPT_COUNT] = {
    /* 2 id, 3 format, 4 created, 5 due, 6 settled, 7 expires, 8 owner, 9 group, 10 hash, 11 has
     * plan, 12 plan, 13 has state, 14 state. Returns 1, or the record that exists. */
    [REDIS_SCRIPT_REGISTER] =
        PLACE "local k,P,a=KEYS[1],ARGV[1],ARGV\n"
              "if redis.call('EXISTS',k)==1 then\n"
              "  return redis.call('HMGET',k," REDIS_RECORD_FIELDS ")\n"
              "end\n"
              "redis.call('HSET',k,'v',1,'f',a[3],'c',a[4],'d',a[5],'s',a[6],'e',a[7],'o',a[8])\n"
              "if a[11]=='1' then redis.call('HSET',k,'p',a[12]) end\n"
              "if a[13]=='1' then redis.call('HSET',k,'t',a[14]) end\n"
              "local at=place(a[4],a[2])\n"
              "redis.call('ZADD',P..'all',0,at)\n"
              "if a[6]=='0' then redis.call('ZADD',P..'open',0,at) end\n"
              "if a[10]~='' then\n"
              "  redis.call('HSET',k,'g',a[9],'h',a[10])\n"
              "  redis.call('ZADD',P..'g:'..a[10],0,at)\n"
              "  if a[6]=='0' then redis.call('ZADD',P..'go:'..a[10],0,at) end\n"
              "end\n"
              "if a[5]~='0' then redis.call('ZADD',P..'due:'..a[3],a[5],a[2]) end\n"
              "if a[7]~='0' then redis.call('ZADD',P..'exp',a[7],'r:'..a[2]) end\n"
              "return 1\n",
    /* 2 id, 3 version, 4 our format, 5 format, 6 due, 7 settled, 8 expires, 9 owner, 10 has state,
     * 11 state, 12 plan: keep, put or drop, 13 plan. Returns 1, 0 conflict, -1 none. */
    [REDIS_SCRIPT_UPDATE] = PLACE
    "local k,P,a=KEYS[1],ARGV[1],ARGV\n"
    "local r=redis.call('HMGET',k,'v','f','c','d','s','e','h')\n"
    "if not r[1] then return -1 end\n"
    "if r[1]~=a[3] or tonumber(r[2])>tonumber(a[4]) then return 0 end\n"
    "if r[7] then redis.call('EXISTS',P..'go:'..r[7]) end\n"
    "redis.call('HINCRBY',k,'v',1)\n"
    "redis.call('HSET',k,'f',a[5],'d',a[6],'s',a[7],'e',a[8],'o',a[9])\n"
    "if a[10]=='1' then redis.call('HSET',k,'t',a[11]) else redis.call('HDEL',k,'t') end\n"
    "if a[12]=='put' then redis.call('HSET',k,'p',a[13]) end\n"
    "if a[12]=='drop' then redis.call('HDEL',k,'p') end\n"
    "if r[4]~='0' and (a[6]=='0' or a[5]~=r[2]) then\n"
    "  redis.call('ZREM',P..'due:'..r[2],a[2])\n"
    "end\n"
    "if a[6]~='0' then redis.call('ZADD',P..'due:'..a[5],a[6],a[2]) end\n"
    "if (r[5]=='0')~=(a[7]=='0') then\n"
    "  local at=place(r[3],a[2])\n"
    "  if a[7]=='0' then redis.call('ZADD',P..'open',0,at)\n"
    "  else redis.call('ZREM',P..'open',at) end\n"
    "  if r[7] and a[7]=='0' then redis.call('ZADD',P..'go:'..r[7],0,at) end\n"
    "  if r[7] and a[7]~='0' then redis.call('ZREM',P..'go:'..r[7],at) end\n"
    "end\n"
    "if a[8]~='0' then redis.call('ZADD',P..'exp',a[8],'r:'..a[2])\n"
    "elseif r[6]~='0' then redis.call('ZREM',P..'exp','r:'..a[2]) end\n"
    "return 1\n",
    /* 2 now, 3 new due, 4 owner, 5 our format, 6 limit. Returns id, record, id, record, ... A
     * record that is not here moves between nodes. */
    [REDIS_SCRIPT_CLAIM] =
        "local P,a,out,left=ARGV[1],ARGV,{},tonumber(ARGV[6])\n"
        "for f=1,tonumber(a[5]) do\n"
        "  local due=P..'due:'..f\n"
        "  local ids=redis.call('ZRANGEBYSCORE',due,'-inf',a[2],'LIMIT',0,left)\n"
        "  for _,id in ipairs(ids) do\n"
        "    local k=P..'r:'..id\n"
        "    if redis.pcall('EXISTS',k)==1 then\n"
        "      redis.call('HINCRBY',k,'v',1)\n"
        "      redis.call('HSET',k,'d',a[3],'o',a[4])\n"
        "      redis.call('ZADD',due,a[3],id)\n"
        "      out[#out+1]=id\n"
        "      out[#out+1]=redis.call('HMGET',k," REDIS_RECORD_FIELDS ")\n"
        "    end\n"
        "  end\n"
        "  left=left-#ids\n"
        "end\n"
        "return out\n",
    /* 2 id, 3 now, 4 our format. Returns 1, or 0 when there is none. */
    [REDIS_SCRIPT_TOUCH] = "local k,P,a=KEYS[1],ARGV[1],ARGV\n"
                           "local r=redis.call('HMGET',k,'d','s','f')\n"
                           "if not r[1] then return 0 end\n"
                           "if r[2]=='0' and tonumber(r[3])<=tonumber(a[4])\n"
                           "   and (r[1]=='0' or tonumber(r[1])>tonumber(a[3])) then\n"
                           "  redis.call('HSET',k,'d',a[3])\n"
                           "  redis.call('ZADD',P..'due:'..r[3],a[3],a[2])\n"
                           "end\n"
                           "return 1\n",
    /* 2 now, 3 limit. Returns how many were removed. What has not all its keys here moves between
     * nodes, and stays for the next time. */
    [REDIS_SCRIPT_EXPIRE] =
        PLACE "local k,P,a,removed=KEYS[1],ARGV[1],ARGV,0\n"
              "local function is_here(key) return redis.pcall('EXISTS',key)==1 end\n"
              "local function leave_lists(id)\n"
              "  local r=redis.call('HMGET',P..'r:'..id,'c','f','h')\n"
              "  local at=place(r[1],id)\n"
              "  if r[3] and not is_here(P..'g:'..r[3]) then return false end\n"
              "  redis.call('ZREM',P..'all',at)\n"
              "  redis.call('ZREM',P..'open',at)\n"
              "  redis.call('ZREM',P..'due:'..r[2],id)\n"
              "  if r[3] then\n"
              "    redis.call('ZREM',P..'g:'..r[3],at)\n"
              "    redis.call('ZREM',P..'go:'..r[3],at)\n"
              "  end\n"
              "  return true\n"
              "end\n"
              "local due=redis.call('ZRANGEBYSCORE',k,'-inf',a[2],'LIMIT',0,a[3])\n"
              "for _,m in ipairs(due) do\n"
              "  local kind,id=string.sub(m,1,2),string.sub(m,3)\n"
              "  local gone=is_here(P..m)\n"
              "  if gone and kind=='r:' then\n"
              "    gone=leave_lists(id)\n"
              "  elseif gone and kind=='p:' then\n"
              "    redis.call('ZREM',P..'parked',place(redis.call('HGET',P..m,'w'),id))\n"
              "  end\n"
              "  if gone then\n"
              "    redis.call('DEL',P..m)\n"
              "    redis.call('ZREM',k,m)\n"
              "    removed=removed+1\n"
              "  end\n"
              "end\n"
              "return removed\n",
    /* 2 owner, 3 expected or empty. Returns the holder afterwards. */
    [REDIS_SCRIPT_LOCK_TAKE] = "local h=redis.call('GET',KEYS[1])\n"
                               "if h and h~=ARGV[2] and h~=ARGV[3] then return h end\n"
                               "redis.call('SET',KEYS[1],ARGV[2])\n"
                               "return ARGV[2]\n",
    /* 2 owner. */
    [REDIS_SCRIPT_LOCK_RELEASE] = "if redis.call('GET',KEYS[1])~=ARGV[2] then return 0 end\n"
                                  "return redis.call('DEL',KEYS[1])\n",
    /* 2 id, 3 first seen, 4 expires, then for source, reason, digest and body: whether it is
     * there, and itself. */
    [REDIS_SCRIPT_PARK] =
        PLACE "local k,P,a=KEYS[1],ARGV[1],ARGV\n"
              "if redis.call('EXISTS',k)==1 then return 0 end\n"
              "redis.call('HSET',k,'w',a[3],'e',a[4])\n"
              "for i,name in ipairs({'s','r','d','b'}) do\n"
              "  if a[3+2*i]=='1' then redis.call('HSET',k,name,a[4+2*i]) end\n"
              "end\n"
              "redis.call('ZADD',P..'parked',0,place(a[3],a[2]))\n"
              "if a[4]~='0' then redis.call('ZADD',P..'exp',a[4],'p:'..a[2]) end\n"
              "return 1\n",
    /* 2 id. Returns the message, its fields nil when there is none. */
    [REDIS_SCRIPT_PARKED_TAKE] = PLACE "local k,P,id=KEYS[1],ARGV[1],ARGV[2]\n"
                                       "local r=redis.call('HMGET',k,'w','e','s','r','d','b')\n"
                                       "if r[1] then\n"
                                       "  redis.call('DEL',k)\n"
                                       "  redis.call('ZREM',P..'parked',place(r[1],id))\n"
                                       "  redis.call('ZREM',P..'exp','p:'..id)\n"
                                       "end\n"
                                       "return r\n",
    /* 2 member of exp, 3 expires, 4 blob. The later expiry holds; the blob never changes. */
    [REDIS_SCRIPT_REPLY_PUT] =
        "local k,P,a=KEYS[1],ARGV[1],ARGV\n"
        "local e=redis.call('HGET',k,'e')\n"
        "if not e then redis.call('HSET',k,'b',a[4])\n"
        "elseif e=='0' or (a[3]~='0' and tonumber(a[3])<=tonumber(e)) then return 0 end\n"
        "redis.call('HSET',k,'e',a[3])\n"
        "if a[3]~='0' then redis.call('ZADD',P..'exp',a[3],a[2])\n"
        "else redis.call('ZREM',P..'exp',a[2]) end\n"
        "return 1\n",
};
