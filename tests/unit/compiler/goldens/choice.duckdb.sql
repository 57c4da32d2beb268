-- Observation.value.ofType(Quantity).value > 1.5
WITH observation AS (
  SELECT "id" AS key, "resource" AS resource FROM "resource" WHERE "resource_type" = 'Observation'
),
observation_value_oftype_quantity_value AS MATERIALIZED (
  SELECT key, (CAST(1.5 AS DECIMAL(38, 12)) < CAST(REPLACE(JSON_EXTRACT_STRING(resource, '$."valueQuantity"."value"'), '1e+000000999999', '') AS DECIMAL(38, 12))) AS value FROM observation
)
SELECT key AS "id", value FROM observation_value_oftype_quantity_value WHERE value IS NOT NULL ORDER BY key
