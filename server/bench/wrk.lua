-- Sends each line of a file once: token, idempotency key and body to POST; or token and card to GET.
local lines, at, method, path, host = {}, 0, nil, nil, nil

function init(args)
  method, path, host = args[2], args[3], wrk.headers["Host"]
  for line in io.lines(args[1]) do lines[#lines + 1] = line end
end

function request()
  at = at + 1
  local line = lines[at]
  if not line then
    wrk.thread:stop()
    line = lines[#lines]
  end
  if method == "GET" then
    local token, card = line:match("^(%S+) (%S+)$")
    return "GET " .. path .. card .. " HTTP/1.1\r\nHost: " .. host .. "\r\nAuthorization: Bearer " .. token ..
      "\r\nAccept: application/json\r\n\r\n"
  end
  local token, key, body = line:match("^(%S+) (%S+) (.+)$")
  return "POST " .. path .. " HTTP/1.1\r\nHost: " .. host .. "\r\nAuthorization: Bearer " .. token ..
    "\r\nIdempotency-Key: " .. key .. "\r\nContent-Type: application/json\r\nAccept: application/json\r\nContent-Length: " ..
    #body .. "\r\n\r\n" .. body
end

function done(summary, latency, requests)
  local e = summary.errors
  io.write(string.format('\nRESULT {"microseconds":%d,"requests":%d,"p50":%d,"p99":%d,"refused":%d,"broken":%d}\n',
    summary.duration, summary.requests, latency:percentile(50), latency:percentile(99), e.status,
    e.connect + e.read + e.write + e.timeout))
end
