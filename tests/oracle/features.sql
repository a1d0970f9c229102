-- Recomputes the features of every customer from the events, as README.md defines them.
--
-- Before: the variables purchases, browses, supports, members, engagements, features (lists of JSON Lines files),
-- and half_life_ms are set. After: the tables `expected` (one row per features row, beside what was
-- reported), `contradictions` (ids that stand for more than one event), `missing` (customers without a features row), `later`
-- (customers with events after their features row) and `anonymous` (reported, but not compared).

CREATE TYPE channel AS ENUM ('CHANNEL_UNSPECIFIED', 'CHANNEL_STORE', 'CHANNEL_WEB', 'CHANNEL_APP', 'CHANNEL_EMAIL',
                             'CHANNEL_SMS', 'CHANNEL_SOCIAL', 'CHANNEL_PHONE');
CREATE TYPE purpose AS ENUM ('PURPOSE_UNSPECIFIED', 'PURPOSE_MARKETING', 'PURPOSE_SERVICE', 'PURPOSE_PROFILING');

CREATE MACRO day_of(ms) AS CAST(floor(ms / 86400000) AS BIGINT);
CREATE MACRO header_type() AS
  'STRUCT(eventId VARCHAR, customerId VARCHAR, eventTimeMs BIGINT, source VARCHAR, channel VARCHAR, generated BOOLEAN)';
-- What identifies an event, and what every event has; absent fields have proto3's defaults.
CREATE MACRO common(header) AS {
  customer_id: coalesce(header.customerId, ''),
  source: coalesce(header.source, ''),
  event_id: coalesce(header.eventId, ''),
  time: coalesce(header.eventTimeMs, 0),
  channel: CAST(coalesce(header.channel, 'CHANNEL_UNSPECIFIED') AS channel),
  generated: coalesce(header.generated, false)};
-- The amount of an order or of what a refund lists.
CREATE MACRO amount(lines, discount) AS
  greatest(coalesce(list_sum(list_transform(lines, lambda line: coalesce(line.priceMinor, 0))), 0) - coalesce(discount, 0), 0);

-- The features rows: the last one of each customer holds.

CREATE TABLE reported AS
WITH numbered AS (
  SELECT json AS row, coalesce(json->>'customerId', '') AS customer_id,
         CAST(coalesce(json->>'asOfMs', '0') AS BIGINT) AS as_of, row_number() OVER () AS position
  FROM read_ndjson_objects(getvariable('features')))
SELECT customer_id, max_by(as_of, position) AS as_of, max_by(CAST(row AS VARCHAR), position) AS row
FROM numbered GROUP BY customer_id;

CREATE TABLE anonymous AS SELECT customer_id FROM reported WHERE customer_id LIKE 'anon:%';
DELETE FROM reported WHERE customer_id LIKE 'anon:%';

-- The events, each once.

CREATE TABLE all_purchases AS
SELECT DISTINCT unnest(common(header)), coalesce(kind, 'KIND_UNSPECIFIED') AS kind, coalesce(orderId, '') AS order_id,
       coalesce(lines, []) AS lines, coalesce(currency, '') AS currency, amount(lines, discountMinor) AS minor
FROM read_json(getvariable('purchases'), format = 'newline_delimited', columns = {
  header: header_type(), orderId: 'VARCHAR', kind: 'VARCHAR', currency: 'VARCHAR', discountMinor: 'BIGINT',
  lines: 'STRUCT(sku VARCHAR, category VARCHAR, quantityMilli BIGINT, priceMinor BIGINT)[]'});

CREATE TABLE all_browses AS
SELECT DISTINCT unnest(common(header)), action, sessionId, sku
FROM read_json(getvariable('browses'), format = 'newline_delimited', columns = {
  header: header_type(), action: 'VARCHAR', sessionId: 'VARCHAR', sku: 'VARCHAR'});

CREATE TABLE all_supports AS
SELECT DISTINCT unnest(common(header)), kind, coalesce(ticketId, '') AS ticket_id, coalesce(complaint, false) AS complaint
FROM read_json(getvariable('supports'), format = 'newline_delimited', columns = {
  header: header_type(), kind: 'VARCHAR', ticketId: 'VARCHAR', complaint: 'BOOLEAN'});

CREATE TABLE all_members AS
SELECT DISTINCT unnest(common(header)),
       CAST(coalesce(consent.purpose, 'PURPOSE_UNSPECIFIED') AS purpose) AS consent_purpose,
       CAST(coalesce(consent.channel, 'CHANNEL_UNSPECIFIED') AS channel) AS consent_channel,
       coalesce(consent.granted, false) AS granted, erasureAsked IS NOT NULL AS erasure
FROM read_json(getvariable('members'), format = 'newline_delimited', columns = {
  header: header_type(), consent: 'STRUCT(purpose VARCHAR, channel VARCHAR, granted BOOLEAN)', erasureAsked: 'JSON'});

CREATE TABLE all_engagements AS
SELECT DISTINCT unnest(common(header)), kind, triggerId
FROM read_json(getvariable('engagements'), format = 'newline_delimited', columns = {
  header: header_type(), kind: 'VARCHAR', triggerId: 'VARCHAR'});

CREATE TABLE all_events AS
SELECT 'purchase' AS kind, customer_id, source, event_id, time, channel, generated FROM all_purchases
UNION ALL SELECT 'browse', customer_id, source, event_id, time, channel, generated FROM all_browses
UNION ALL SELECT 'support', customer_id, source, event_id, time, channel, generated FROM all_supports
UNION ALL SELECT 'member', customer_id, source, event_id, time, channel, generated FROM all_members
UNION ALL SELECT 'engagement', customer_id, source, event_id, time, channel, generated FROM all_engagements;

CREATE TABLE contradictions AS
SELECT customer_id, source, event_id, count(*) AS events FROM all_events GROUP BY ALL HAVING count(*) > 1 ORDER BY ALL;

CREATE TABLE missing AS
SELECT DISTINCT customer_id FROM all_events ANTI JOIN reported USING (customer_id)
WHERE customer_id <> '' ORDER BY customer_id;

CREATE TABLE later AS
SELECT customer_id, count(*) AS events, min(time) AS first_time
FROM all_events JOIN reported USING (customer_id) WHERE time > as_of GROUP BY customer_id ORDER BY customer_id;

-- What had happened by the moment of the features row.

CREATE TABLE events AS
SELECT * EXCLUDE (row), pow(2.0, -CAST(as_of - time AS DOUBLE) / getvariable('half_life_ms')) AS weight
FROM all_events JOIN reported USING (customer_id) WHERE time <= as_of;

CREATE TABLE purchases AS
SELECT all_purchases.*, pow(2.0, -CAST(as_of - time AS DOUBLE) / getvariable('half_life_ms')) AS weight
FROM all_purchases JOIN reported USING (customer_id) WHERE time <= as_of;

CREATE TABLE supports AS
SELECT all_supports.* FROM all_supports JOIN reported USING (customer_id) WHERE time <= as_of;

-- Orders, and what was given back of them.

CREATE TABLE orders AS
WITH refunds AS (
  SELECT customer_id, order_id, currency, sum(minor) AS minor, bool_or(len(lines) = 0) AS whole
  FROM purchases WHERE kind = 'REFUND' AND order_id <> '' GROUP BY ALL),
cancellations AS (
  SELECT DISTINCT customer_id, order_id FROM purchases WHERE kind = 'CANCELLATION' AND order_id <> ''),
first_ones AS (
  SELECT * FROM purchases WHERE kind IN ('ORDER', 'KIND_UNSPECIFIED')
  QUALIFY row_number() OVER (
    PARTITION BY customer_id, order_id, CASE WHEN order_id = '' THEN {source: source, id: event_id} END
    ORDER BY time, minor, currency, source, event_id) = 1),
given_back AS (
  SELECT customer_id, first_ones.source, first_ones.event_id, sum(refunds.minor) AS minor, bool_or(whole) AS whole
  FROM first_ones JOIN refunds USING (customer_id, order_id)
  WHERE refunds.currency IN ('', first_ones.currency) GROUP BY ALL)
SELECT o.customer_id, o.time, o.currency, o.minor, c.order_id IS NOT NULL AS cancelled,
       CASE WHEN c.order_id IS NOT NULL OR g.whole THEN o.minor
            ELSE least(o.minor, coalesce(g.minor, 0)) END AS refunded
FROM first_ones AS o
LEFT JOIN given_back AS g USING (customer_id, source, event_id)
LEFT JOIN cancellations AS c ON c.customer_id = o.customer_id AND c.order_id = o.order_id;

CREATE TABLE money AS
WITH sums AS (
  SELECT customer_id, currency, sum(minor - refunded) AS spent, sum(refunded) AS refunded FROM orders GROUP BY ALL)
SELECT customer_id,
       list({minor: CAST(spent AS BIGINT), currency: currency} ORDER BY currency) FILTER (WHERE spent <> 0) AS spent,
       list({minor: CAST(refunded AS BIGINT), currency: currency} ORDER BY currency) FILTER (WHERE refunded <> 0) AS refunded
FROM sums GROUP BY customer_id;

-- Days with a purchase, and the time between them. The sums are of whole numbers, so that the spread is exact.

CREATE TABLE rhythm AS
WITH days AS (SELECT DISTINCT customer_id, day_of(time) AS day FROM orders WHERE NOT cancelled),
gaps AS (SELECT customer_id, day - lag(day) OVER (PARTITION BY customer_id ORDER BY day) AS gap FROM days),
sums AS (
  SELECT customer_id, count(gap) AS gaps, sum(gap) AS total, sum(gap * gap) AS squares FROM gaps GROUP BY customer_id)
SELECT customer_id, gaps AS repeat_days,
       CASE WHEN gaps >= 1 THEN total / gaps ELSE 0 END AS mean,
       CASE WHEN gaps >= 2 THEN sqrt(CAST(gaps * squares - total * total AS DOUBLE)) / gaps ELSE 0 END AS sd
FROM sums;

CREATE TABLE standing AS
SELECT customer_id, count(*) AS orders, min(time) AS first_time, max(time) AS last_time
FROM orders WHERE NOT cancelled GROUP BY customer_id;

-- Counts.

CREATE TABLE kinds AS
WITH counted AS (
  SELECT customer_id, kind, count(*) AS total,
         count(*) FILTER (WHERE day_of(time) > day_of(as_of) - 7) AS last_7_days,
         count(*) FILTER (WHERE day_of(time) > day_of(as_of) - 30) AS last_30_days,
         count(*) FILTER (WHERE day_of(time) > day_of(as_of) - 90) AS last_90_days,
         fsum(weight) AS decayed, max(time) AS last_ms
  FROM events GROUP BY customer_id, kind)
SELECT customer_id, list({kind: kind, total: total, last7Days: last_7_days, last30Days: last_30_days,
                          last90Days: last_90_days, decayed: decayed, lastMs: last_ms} ORDER BY kind) AS kinds
FROM counted GROUP BY customer_id;

CREATE TABLE channels AS
WITH counted AS (SELECT customer_id, channel, count(*) AS events FROM events GROUP BY customer_id, channel)
SELECT customer_id, list({channel: CAST(channel AS VARCHAR), events: events} ORDER BY channel) AS channels
FROM counted GROUP BY customer_id;

CREATE TABLE generated AS
SELECT customer_id, bool_or(generated) AS generated FROM events GROUP BY customer_id;

-- All categories, the strongest first; the comparison takes the top of them.

CREATE TABLE categories AS
WITH lines AS (
  SELECT customer_id, weight, unnest(lines) AS line FROM purchases WHERE kind IN ('ORDER', 'KIND_UNSPECIFIED')),
weights AS (
  SELECT customer_id, line.category AS category, fsum(weight) AS weight FROM lines
  WHERE coalesce(line.category, '') <> '' GROUP BY ALL)
SELECT customer_id, list({category: category, weight: weight} ORDER BY weight DESC, category) AS categories
FROM weights GROUP BY customer_id;

-- Tickets and consents: what opens must be later than all that closes.

CREATE TABLE tickets AS
WITH states AS (
  SELECT customer_id, ticket_id, bool_or(complaint) AS complaint,
         max(time) FILTER (WHERE kind IN ('OPENED', 'REOPENED')) AS opened,
         max(time) FILTER (WHERE kind = 'RESOLVED') AS resolved
  FROM supports WHERE ticket_id <> '' GROUP BY customer_id, ticket_id)
SELECT customer_id, count(*) AS open_tickets, count(*) FILTER (WHERE complaint) AS open_complaints
FROM states WHERE opened IS NOT NULL AND (resolved IS NULL OR opened > resolved) GROUP BY customer_id;

CREATE TABLE consents AS
WITH told AS (
  SELECT customer_id, consent_purpose AS purpose, consent_channel AS channel, max(time) AS given
  FROM all_members JOIN reported USING (customer_id)
  WHERE granted AND consent_purpose <> 'PURPOSE_UNSPECIFIED' AND consent_channel <> 'CHANNEL_UNSPECIFIED' AND time <= as_of
  GROUP BY ALL),
withdrawals AS (
  SELECT customer_id, time, consent_purpose AS purpose, consent_channel AS channel
  FROM all_members WHERE NOT granted AND consent_purpose <> 'PURPOSE_UNSPECIFIED'
  UNION ALL SELECT customer_id, time, 'PURPOSE_MARKETING', channel FROM all_engagements WHERE kind = 'UNSUBSCRIBED'
  UNION ALL SELECT customer_id, time, NULL, NULL FROM all_members WHERE erasure)
SELECT customer_id,
       list({purpose: CAST(purpose AS VARCHAR), channel: CAST(channel AS VARCHAR)} ORDER BY purpose, channel) AS consents
FROM told JOIN reported USING (customer_id)
WHERE NOT EXISTS (
  FROM withdrawals AS w
  WHERE w.customer_id = told.customer_id AND w.time BETWEEN told.given AND as_of
    AND (w.purpose IS NULL OR (w.purpose = told.purpose AND w.channel = told.channel)))
GROUP BY customer_id;

CREATE TABLE expected AS
SELECT reported.row, customer_id AS "customerId", as_of AS "asOfMs",
       coalesce(first_time, 0) AS "firstPurchaseMs", coalesce(last_time, 0) AS "lastPurchaseMs",
       coalesce(orders, 0) AS orders, coalesce(spent, []) AS spent, coalesce(repeat_days, 0) AS "repeatDays",
       coalesce(kinds, []) AS kinds, coalesce(mean, 0) AS "purchaseGapMeanDays", coalesce(sd, 0) AS "purchaseGapSdDays",
       coalesce(categories, []) AS categories, coalesce(channels, []) AS channels,
       coalesce(open_tickets, 0) AS "openTickets", coalesce(open_complaints, 0) AS "openComplaints",
       coalesce(consents, []) AS consents, coalesce(refunded, []) AS refunded, coalesce(generated, false) AS generated
FROM reported
LEFT JOIN standing USING (customer_id) LEFT JOIN money USING (customer_id) LEFT JOIN rhythm USING (customer_id)
LEFT JOIN kinds USING (customer_id) LEFT JOIN categories USING (customer_id) LEFT JOIN channels USING (customer_id)
LEFT JOIN tickets USING (customer_id) LEFT JOIN consents USING (customer_id) LEFT JOIN generated USING (customer_id)
ORDER BY customer_id;
