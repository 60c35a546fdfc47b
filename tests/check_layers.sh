#!/usr/bin/env bash
# Checks the house's rules that no compiler checks; prints what breaks one and fails.
# Dependencies point one way: base <- aws <- {tracker, runtime, doctor} <- invoker <- completer <- cli.
set -uo pipefail
cd "$(dirname "$0")/.." || exit 1
broken=0

# What a folder may include besides its own headers.
declare -A may_include=(
    [infra/base]=''
    [infra/aws]='infra/base'
    [infra/runtime]='infra/base infra/aws'
    [infra/doctor]='infra/base infra/aws'
    [tracker]='infra/base infra/aws'
    [invoker]='infra/base infra/aws infra/runtime tracker'
    [completer]='infra/base infra/aws infra/runtime tracker invoker'
    [infra/local]='infra/base infra/aws infra/runtime'
    [infra/cli]='infra/base infra/aws infra/runtime infra/doctor infra/local tracker invoker completer'
)

# Says that $1 (file:line) breaks the rule $2.
breaks() {
    echo "$1: $2"
    broken=1
}

# The file $1 without comments and the text of string literals, each line numbered "n:text".
code_of() {
    gcc -fpreprocessed -dD -E -x c "$1" 2>/dev/null | awk '
        /^# [0-9]+ "/ {line = $2 - 1; next}
        {line++; gsub(/"([^"\\]|\\.)*"/, "\"\""); print line ":" $0}'
}

includes() {
    local folder=$1 file=$2 line header room
    while IFS=: read -r line header; do
        room=$(dirname "$header")
        [[ " $folder ${may_include[$folder]} " == *" $room "* ]] ||
            breaks "$file:$line" "$folder may not include $header"
    done < <(sed -n '/^ *# *include *"/{=;p}' "$file" | sed 'N;s/\n[^"]*"/:/;s/".*//')
}

# $1 is only for the file $2.
only_in() {
    local header=$1 owner=$2 hit
    while read -r hit; do
        [[ ${hit%%:*} == "$owner" ]] || breaks "${hit%:*}" "$header is for $owner alone"
    done < <(grep -nE "^ *# *include *<$header>" "${files[@]}" /dev/null | sed 's/#.*//')
}

banned() {
    local file=$1 hit
    while read -r hit; do
        breaks "$file:${hit%%:*}" "not used here: ${hit#*:}"
    done < <(code_of "$file" |
        grep -E '\b(strcpy|strcat|sprintf|vsprintf|gets|strtok|alloca)\(|\bgoto\b' | tr -s ' ')
}

# Prototypes in headers stand under a comment, their own or their paragraph's: at least 85 of 100.
commented() {
    awk '
        FNR == 1 || /^$/ {covered = 0}
        /\*\// {covered = 1}
        /^[a-z].*\(/ && !/^(static|typedef|struct [a-z_]+ \{)/ {
            total++
            if (covered) good++
            else bare = bare "\n  " FILENAME ":" FNR}
        END {
            if (100 * good < 85 * total) {
                print "only " good " of " total " prototypes have a comment; bare are" bare
                exit 1}}' "$@" || broken=1
}

# No file is longer than a person reads in one go.
sized() {
    local count
    count=$(wc -l <"$1")
    ((count <= 600)) || breaks "$1:$count" 'longer than 600 lines'
}

# A page's links to files lead somewhere, and its JSON is JSON.
readable() {
    local page=$1 link
    while read -r link; do
        [[ -e $(dirname "$page")/$link ]] || breaks "$page" "leads nowhere: $link"
    done < <(grep -oE '\]\([^)#:]+(#[^)]*)?\)' "$page" | sed -E 's/^\]\(//; s/[#)].*//')
    # shellcheck disable=SC2016
    sed -n '/^```json$/,/^```$/{/^```/d;p}' "$page" | jq empty 2>/dev/null ||
        breaks "$page" 'has JSON that is none'
}

# Every decision is in the list of docs/architecture.md.
listed() {
    grep -qF "(decisions/$(basename "$1"))" docs/architecture.md ||
        breaks "$1" 'not listed in docs/architecture.md'
}

mapfile -t files < <(find infra tracker invoker completer -name '*.[ch]' | sort)
for file in "${files[@]}"; do
    folder=$(dirname "$file")
    if [[ -v may_include[$folder] ]]; then
        includes "$folder" "$file"
    else
        breaks "$file:1" 'in a folder that tests/check_layers.sh does not know'
    fi
    banned "$file"
    sized "$file"
done
while read -r page; do
    readable "$page"
done < <(find README.md docs tests/README.md -name '*.md' | sort)
for decision in docs/decisions/*.md; do
    listed "$decision"
done
mapfile -t headers < <(printf '%s\n' "${files[@]}" | grep '\.h$')
commented "${headers[@]}"
only_in 'cjson/cJSON\.h' infra/base/json_reader.c
only_in 'curl/curl\.h' infra/aws/http.c
only_in 'pcre2\.h' infra/base/regex.c
only_in 'zstd\.h' tracker/record_pack.c
((broken == 0)) && echo "${#files[@]} files keep the rules"
exit "$broken"
