-- One line of the file is one body, each sent once. The environment of the two scripts that use this:
--   target, kind: where to and as what; good(status, body): whether an answer is as it should be.
local thread_of_done

function setup(thread)
  thread_of_done = thread
end

function init(args)
  bodies, sent, answered_well, host = {}, 0, 0, wrk.host .. ":" .. wrk.port
  for line in io.lines(args[1]) do
    bodies[#bodies + 1] = line
  end
end

function request()
  sent = sent + 1
  local body = bodies[sent] or "" -- refused, and so counted, where the file was too short
  return table.concat({
    "POST ", target, " HTTP/1.1\r\nHost: ", host, "\r\nContent-Type: application/x-www-form-urlencoded\r\n",
    "Content-Length: ", #body, "\r\n\r\n", body,
  })
end

function response(status, headers, body)
  if good(status, body) then
    answered_well = answered_well + 1
  end
end

function done(summary, latency, requests)
  local e = summary.errors
  io.write(string.format(
    '{"answered":%d,"good":%d,"failed":%d,"seconds":%.3f,"p50":%.2f,"p95":%.2f,"p99":%.2f}\n',
    summary.requests, thread_of_done:get("answered_well"), e.connect + e.read + e.write + e.timeout,
    summary.duration / 1e6, latency:percentile(50) / 1000, latency:percentile(95) / 1000, latency:percentile(99) / 1000
  ))
end
