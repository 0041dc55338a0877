-- wrk: the request the engine sends, once rendered.
local file = io.open(os.getenv("BULKMSG_BENCH_BODY"), "r")
wrk.method = "POST"
wrk.body = file:read("*a")
file:close()
wrk.headers["Content-Type"] = "application/json"
wrk.headers["Authorization"] = "Bearer " .. os.getenv("BULKMSG_TOKEN")
