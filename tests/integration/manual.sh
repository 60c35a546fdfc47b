#!/usr/bin/env bash
# What the program prints of itself for those who package it: manual pages, the file of settings and
# completions are well formed by the judgement of groff, man and the shells, and leave nothing out.
# shellcheck disable=SC2016
set -uo pipefail
cd "$(dirname "$0")/../.." || exit 1
source tests/support/script.sh
source infra/local/stack.sh
: "${BUILD_DIR:?}"
clean_environment
ringback=$BUILD_DIR/ringback
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

made() {
    "$ringback" help "--$1" >"$work/$2" && [[ -s $work/$2 ]]
}

# Fails when the command that follows says anything.
silent() {
    local said
    said=$("$@" 2>&1) && [[ -z $said ]] && return
    echo "${said:-$1 fails}"
    return 1
}

# Skips the case $1 when the program $2 is not here; passes when what follows does.
with() {
    local name=$1 program=$2
    shift 2
    if command -v "$program" >/dev/null; then
        check "$name" "$@"
    else
        echo "skipped $name: $program is not installed"
    fi
}

man_quiet() {
    silent env LC_ALL=C.UTF-8 MANROFFSEQ= MANWIDTH=80 sh -c 'man --warnings -E UTF-8 -l -Tutf8 -Z "$1" 2>&1 >/dev/null' sh "$1"
}

commands=$("$ringback" help | awk '/^  / {print $1}')
settings=$("$ringback" help --markdown | grep -oE '^\| `[A-Z_]+`' | tr -d '|` ')

# ---- Manual pages -------------------------------------------------------------------------------

commands_named() {
    local command
    for command in $commands; do
        [[ $command == help ]] || grep -qE "^\.SS $command( |$)" "$work/ringback.1" || { echo "$command"; return 1; }
    done
}

flags_named() {
    local command flag
    for command in $commands; do
        for flag in $("$ringback" help "$command" | sed '/^configuration, by/,$d' | grep -oE '^  --[a-z0-9-]+'); do
            [[ $command == help ]] || grep -qF "\\fB${flag//-/\\-}\\fR" "$work/ringback.1" ||
                { echo "$command $flag"; return 1; }
        done
    done
}

# The file $1 has a line that begins with $2 and each setting.
settings_named() {
    local setting
    for setting in $settings; do
        grep -qE "^$2$setting(\\\\|=|$)" "$1" || { echo "$setting"; return 1; }
    done
}

check 'ringback(1) is printed' made man ringback.1
check 'ringback.env(5) is printed' made man-env ringback.env.5
for page in ringback.1 ringback.env.5; do
    with "$page: groff has no warning" groff silent groff -ww -z -man -Tutf8 "$work/$page"
    with "$page: man has no warning" man man_quiet "$work/$page"
done
check 'every command is in ringback(1)' commands_named
check 'every flag is in ringback(1)' flags_named
check 'every setting is in ringback.env(5)' settings_named "$work/ringback.env.5" '\\fB'

# ---- Settings -----------------------------------------------------------------------------------

# The defaults of the file, set in earnest, are what the program takes anyhow.
defaults_taken() {
    local names=()
    mapfile -t names < <(sed -nE 's/^#([A-Z_]+=.+)$/\1/p' "$work/ringback.env")
    ((${#names[@]} > 10)) || return 1
    (cd "$work" && env -i "${names[@]}" AWS_REGION=us-east-1 "$ringback" doctor) >"$work/doctor"
    grep -E '^ok +configuration' "$work/doctor"
}

check 'the file of settings is printed' made env ringback.env
equal 'it sets nothing' "$(grep -vcE '^(#|$)' "$work/ringback.env")" 0
check 'it names every setting' settings_named "$work/ringback.env" '#'
check 'its defaults are taken' defaults_taken

# ---- Completions --------------------------------------------------------------------------------

# Prints what bash offers for the words given, of which the last is being typed.
offered() {
    bash -c 'source "$1"; shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _ringback
        printf "%s\n" "${COMPREPLY[@]}"' bash "$work/bash" "$@"
}

check 'the completion for bash is printed' made bash bash
check 'the completion for zsh is printed' made zsh zsh
check 'the completion for fish is printed' made fish fish
equal 'bash: every command is offered' "$(offered ringback '' | grep -v version | sort)" "$(sort <<<"$commands")"
equal 'bash: what begins so is offered' "$(offered ringback se)" serve
equal "bash: a command's own flag" "$(offered ringback submit --sq)" --sql
equal 'bash: the flag of a setting' "$(offered ringback serve --event)" --event-queue-url
equal 'bash: no setting where none is read' "$(offered ringback local --tracker)" ''
with 'shellcheck takes the one for bash' shellcheck shellcheck -s bash "$work/bash"
with 'zsh takes its own' zsh silent zsh -n "$work/zsh"
with 'fish takes its own' fish silent fish --no-execute "$work/fish"
with 'fish offers a flag' fish bash -c 'HOME=$1 fish --no-config -c "source $1/fish; complete -C \"ringback submit --sq\"" |
    grep -q "^--sql"' bash "$work"
finish
