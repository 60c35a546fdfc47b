#include "tracker/tracker_redis.h"

/*
 * ARGV[1] is the shard's prefix, KEYS[1] the key that names the slot; the other keys a script
 * touches are in the same slot. Numbers stay text wherever they are only stored or compared for
 * equality, so that no digit is lost in a double.
 *
 * RECORD: a record in hand. v version, f format, c created_at, d due_at, s settled_at, e
 * expires_at; o lease owner, h hash of the group ('' without one), g group, p plan, t state, the
 * latter three false when absent. A group's sets that are not here move between nodes: asked for
 * before anything is changed, they stop the script.
 */
#define PLACE "local function place(ms,id) return string.format('%015d',tonumber(ms))..id end\n"
#define RECORD                                                                                     \
    PLACE                                                                                          \
    "local head='^'..string.rep('(%S+) ',10)..'(%S+)\\n'\n"                                        \
    "local function open(x)\n"                                                                     \
    "  local _,at,v,f,c,d,s,e,o,h,g,p,t=string.find(x,head)\n"                                     \
    "  local function take(size)\n"                                                                \
    "    if size=='-' then return false end\n"                                                     \
    "    local from=at+1\n"                                                                        \
    "    at=at+size\n"                                                                             \
    "    return string.sub(x,from,at)\n"                                                           \
    "  end\n"                                                                                      \
    "  local r={v=v,f=f,c=c,d=d,s=s,e=e}\n"                                                        \
    "  r.o=take(o) r.h=take(h) r.g=take(g) r.p=take(p) r.t=take(t)\n"                              \
    "  return r\n"                                                                                 \
    "end\n"                                                                                        \
    "local function size(x) return x and #x or '-' end\n"                                          \
    "local function close(r)\n"                                                                    \
    "  return table.concat({r.v,r.f,r.c,r.d,r.s,r.e,\n"                                            \
    "    size(r.o),size(r.h),size(r.g),size(r.p),size(r.t)},' ')..'\\n'..\n"                       \
    "    (r.o or '')..(r.h or '')..(r.g or '')..(r.p or '')..(r.t or '')\n"                        \
    "end\n"                                                                                        \
    "local function bump(r) r.v=string.format('%.0f',tonumber(r.v)+1) end\n"                       \
    "local sets={open='go:',done='gd:'}\n"                                                         \
    "local function list(r,id,was)\n"                                                              \
    "  local P,at,now=ARGV[1],place(r.c,id),r.s=='0' and 'open' or 'done'\n"                       \
    "  if was==now then return end\n"                                                              \
    "  redis.call('ZADD',P..now,0,at)\n"                                                           \
    "  if was then redis.call('ZREM',P..was,at) end\n"                                             \
    "  if r.h=='' then return end\n"                                                               \
    "  redis.call('ZADD',P..sets[now]..r.h,0,at)\n"                                                \
    "  if was then redis.call('ZREM',P..sets[was]..r.h,at) end\n"                                  \
    "end\n"

const char *const redis_script_texts[REDIS_SCRIPT_COUNT] = {
    /* 2 id, 3 format, 4 created, 5 due, 6 settled, 7 expires, 8 owner, 9 hash, then for group, plan
     * and state: whether it is there, and itself. Returns 1, or the record that exists. */
    [REDIS_SCRIPT_REGISTER] =
        RECORD "local k,P,a=KEYS[1],ARGV[1],ARGV\n"
               "local x=redis.call('GET',k)\n"
               "if x then return x end\n"
               "local r={v='1',f=a[3],c=a[4],d=a[5],s=a[6],e=a[7],o=a[8],h=a[9]}\n"
               "r.g=a[10]=='1' and a[11]\n"
               "r.p=a[12]=='1' and a[13]\n"
               "r.t=a[14]=='1' and a[15]\n"
               "redis.call('SET',k,close(r))\n"
               "list(r,a[2],nil)\n"
               "if a[5]~='0' then redis.call('ZADD',P..'due:'..a[3],a[5],a[2]) end\n"
               "if a[7]~='0' then redis.call('ZADD',P..'exp',a[7],'r:'..a[2]) end\n"
               "return 1\n",
    /* 2 id, 3 version, 4 our format, 5 format, 6 due, 7 settled, 8 expires, 9 owner, 10 has state,
     * 11 state, 12 plan: keep, put or drop, 13 plan. Returns 1, 0 conflict, -1 none. Sets whose
     * entry stays as it is are not touched. */
    [REDIS_SCRIPT_UPDATE] =
        RECORD "local k,P,a=KEYS[1],ARGV[1],ARGV\n"
               "local x=redis.call('GET',k)\n"
               "if not x then return -1 end\n"
               "local r=open(x)\n"
               "if r.v~=a[3] or tonumber(r.f)>tonumber(a[4]) then return 0 end\n"
               "local was,due,format,expires=r.s=='0' and 'open' or 'done',r.d,r.f,r.e\n"
               "if r.h~='' and (r.s=='0')~=(a[7]=='0') then\n"
               "  redis.call('EXISTS',P..'go:'..r.h,P..'gd:'..r.h)\n"
               "end\n"
               "bump(r)\n"
               "r.f,r.d,r.s,r.e,r.o,r.t=a[5],a[6],a[7],a[8],a[9],a[10]=='1' and a[11]\n"
               "if a[12]~='keep' then r.p=a[12]=='put' and a[13] end\n"
               "list(r,a[2],was)\n"
               "redis.call('SET',k,close(r))\n"
               "if due~='0' and (a[6]=='0' or a[5]~=format) then\n"
               "  redis.call('ZREM',P..'due:'..format,a[2])\n"
               "end\n"
               "if a[6]~='0' and (a[6]~=due or a[5]~=format) then\n"
               "  redis.call('ZADD',P..'due:'..a[5],a[6],a[2])\n"
               "end\n"
               "if a[8]==expires then return 1 end\n"
               "if a[8]~='0' then redis.call('ZADD',P..'exp',a[8],'r:'..a[2])\n"
               "else redis.call('ZREM',P..'exp','r:'..a[2]) end\n"
               "return 1\n",
    /* 2 now, 3 new due, 4 owner, 5 our format, 6 limit. Returns id, record, id, record, ... A
     * record that is not here moves between nodes. */
    [REDIS_SCRIPT_CLAIM] =
        RECORD "local P,a,out,left=ARGV[1],ARGV,{},tonumber(ARGV[6])\n"
               "for f=1,tonumber(a[5]) do\n"
               "  local due=P..'due:'..f\n"
               "  local ids=redis.call('ZRANGEBYSCORE',due,'-inf',a[2],'LIMIT',0,left)\n"
               "  for _,id in ipairs(ids) do\n"
               "    local k=P..'r:'..id\n"
               "    local x=redis.pcall('GET',k)\n"
               "    if type(x)=='string' then\n"
               "      local r=open(x)\n"
               "      bump(r)\n"
               "      r.d,r.o=a[3],a[4]\n"
               "      x=close(r)\n"
               "      redis.call('SET',k,x)\n"
               "      redis.call('ZADD',due,a[3],id)\n"
               "      out[#out+1]=id\n"
               "      out[#out+1]=x\n"
               "    end\n"
               "  end\n"
               "  left=left-#ids\n"
               "end\n"
               "return out\n",
    /* 2 id, 3 now, 4 our format. Returns 1, or 0 when there is none. */
    [REDIS_SCRIPT_TOUCH] = RECORD "local k,P,a=KEYS[1],ARGV[1],ARGV\n"
                                  "local x=redis.call('GET',k)\n"
                                  "if not x then return 0 end\n"
                                  "local r=open(x)\n"
                                  "if r.s=='0' and tonumber(r.f)<=tonumber(a[4])\n"
                                  "   and (r.d=='0' or tonumber(r.d)>tonumber(a[3])) then\n"
                                  "  r.d=a[3]\n"
                                  "  redis.call('SET',k,close(r))\n"
                                  "  redis.call('ZADD',P..'due:'..r.f,a[3],a[2])\n"
                                  "end\n"
                                  "return 1\n",
    /* 2 now, 3 limit. Returns how many were removed. What has not all its keys here moves between
     * nodes, and stays for the next time. */
    [REDIS_SCRIPT_EXPIRE] =
        RECORD "local k,P,a,removed=KEYS[1],ARGV[1],ARGV,0\n"
               "local function is_here(key) return redis.pcall('EXISTS',key)==1 end\n"
               "local function leave_lists(id)\n"
               "  local r=open(redis.call('GET',P..'r:'..id))\n"
               "  local at,was=place(r.c,id),r.s=='0' and 'open' or 'done'\n"
               "  if r.h~='' and not is_here(P..sets[was]..r.h) then return false end\n"
               "  redis.call('ZREM',P..was,at)\n"
               "  if r.h~='' then redis.call('ZREM',P..sets[was]..r.h,at) end\n"
               "  redis.call('ZREM',P..'due:'..r.f,id)\n"
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
    /* Of a parked message: w first seen, e expires, s source, r reason, d digest, b body. 2 id, 3
     * first seen, 4 expires, then for source, reason, digest and body: whether it is
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
