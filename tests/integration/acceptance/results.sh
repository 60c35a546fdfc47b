# shellcheck shell=bash
# Sourced by tests/integration/acceptance.sh: results and what is expected of them.
# shellcheck disable=SC2016,SC2034,SC2154

# Rows that are missing fail the request by a rule of its own.
expectation() {
    submit "$(sql 'select 1 where 1 = 2' '{"expect":{"minRows":1}}')"
    so 'too few' "$(ended_task "$task")" '.error == "FAILED"
        and (.cause.detail.error | startswith("expect.minRows: 0 rows"))'
    submit "$(sql 'select 1' '{"expect":{"minRows":1,"maxRows":1}}')"
    so 'enough' "$(ended_task "$task")" '.state == "SUCCEEDED"'
}

inline_rows() {
    submit "$(sql "$(numbers 2500)" '{"result":{"mode":"inline"}}')"
    so 'all pages, typed' "$(ended_task "$task")" '.output.ringback.result
        | .totalRows == 2500 and .truncated == false and (.rows | length == 2500)
        and .rows[2499] == [2500] and .columns == ["v"]'
}

spilled_rows() {
    submit "$(sql "$(numbers 2500)" '{"result":{"mode":"s3","format":"csv","uri":"s3://acceptance/out"}}')"
    so 'a pointer' "$(ended_task "$task")" '.output.ringback.result
        | .uri == "s3://acceptance/out/" + $id + ".csv" and .totalRows == 2500' --arg id "$id"
    is 'to all rows' "$(grep -c '[0-9]' "$s3/acceptance/out/$id.csv")" 2500
}
