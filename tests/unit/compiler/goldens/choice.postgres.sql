-- Observation.value.ofType(Quantity).value > 1.5
WITH observation AS (
  SELECT "id" AS key, "resource" AS resource FROM "resource" WHERE "resource_type" = 'Observation'
),
observation_value_oftype_quantity_value AS (
  SELECT key, (CAST(1.5 AS numeric(38, 12)) < CAST(NULLIF(resource -> 'valueQuantity' -> 'value', 'null') AS numeric(38, 12))) AS value FROM observation OFFSET 0
)
SELECT key AS "id", value FROM observation_value_oftype_quantity_value WHERE value IS NOT NULL ORDER BY key COLLATE "C"
