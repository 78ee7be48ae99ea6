-- Batches of 50 events for POST /v1/events: known leads, new events.
local size, leads, number = 50, 20000, 0
local run = tostring(os.time()) .. "-" .. tostring(math.random(1, 1000000))
local at = os.date("!%Y-%m-%dT%H:%M:%SZ")
math.randomseed(os.time())

wrk.method = "POST"
wrk.path = "/v1/events"
wrk.headers["Content-Type"] = "application/json"

local form = '{"lead_id":"L%05d","event_type":"price_page_view","occurred_at":"' .. at ..
  '","channel":"web","content":"pricing","event_id":"%s-%d-%d"}'

function request()
  local events = {}
  for place = 1, size do
    events[place] = string.format(form, math.random(0, leads - 1), run, number, place)
  end
  number = number + 1
  return wrk.format(nil, nil, nil, '{"events":[' .. table.concat(events, ",") .. "]}")
end
