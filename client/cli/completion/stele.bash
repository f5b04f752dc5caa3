# bash completion for stele: verbs, options, names of tables (asked of the segment), files.

# _stele_tables TYPES OPTIONS...: those whose type matches the pattern
_stele_tables() {
    local name type
    # escaped names cannot be typed as they are
    "${COMP_WORDS[0]}" "${@:2}" tables 2>/dev/null | cut -f 1,4 | grep -v '\\' |
        while IFS=$'\t' read -r name type; do
            # shellcheck disable=SC2053 # a pattern
            [[ $type == $1 ]] && printf '%s\n' "$name"
        done
}

_stele_names() {
    local object
    for object in /dev/shm/stele.*; do
        object=${object#/dev/shm/stele.}
        [[ $object == '*' || $object == *.lock || $object == *'~new' ]] || printf '%s\n' "$object"
    done
}

_stele() {
    local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]}
    local verbs='get put insert replace cas incr del append remove swap pop list count scan load
                 dump tables create clear drop stat ping verify bench shutdown'
    local options='--name --socket --owner --output --timeout --escapes --help'
    local verb='' word types='*' place=0 all='' i
    local -a where=()
    COMPREPLY=()

    case $previous in
    -n | --name) mapfile -t COMPREPLY < <(compgen -W "$(_stele_names)" -- "$current"); return ;;
    -S | --socket) mapfile -t COMPREPLY < <(compgen -f -- "$current"); return ;;
    -o | --output) mapfile -t COMPREPLY < <(compgen -W 'text json' -- "$current"); return ;;
    -u | --owner) mapfile -t COMPREPLY < <(compgen -u -- "$current"); return ;;
    --format) mapfile -t COMPREPLY < <(compgen -W 'tsv jsonl' -- "$current"); return ;;
    -t | --timeout | --prefix | --limit | --from | --seconds | --type | --max-entries) return ;;
    esac

    # the verb, which argument of it this is, and where to ask for tables
    for ((i = 1; i < COMP_CWORD; i++)); do
        word=${COMP_WORDS[i]}
        case $word in
        -n | --name | -S | --socket | -u | --owner)
            where+=("$word" "${COMP_WORDS[i + 1]}")
            i=$((i + 1))
            ;;
        -o | --output | -t | --timeout | --prefix | --limit | --from | --format | --seconds | \
            --type | --max-entries) i=$((i + 1)) ;;
        --all) all=y ;;
        -*) ;;
        *)
            if [[ -z $verb ]]; then verb=$word; else place=$((place + 1)); fi
            ;;
        esac
    done

    if [[ $current == -* ]]; then
        case $verb in
        '') options="$options --version" ;;
        get) options="$options --raw" ;;
        drop | clear | shutdown) options="$options --yes" ;;
        scan) options="$options --prefix --limit --keys" ;;
        list) options="$options --from --limit" ;;
        create) options="$options --type --max-entries" ;;
        load) options="$options --all --format --strict --create --type --max-entries" ;;
        dump) options="$options --all --format" ;;
        bench) options="$options --seconds" ;;
        esac
        mapfile -t COMPREPLY < <(compgen -W "$options" -- "$current")
        return
    fi
    case $verb:$place$all in
    :*) mapfile -t COMPREPLY < <(compgen -W "$verbs" -- "$current") ;;
    load:1 | dump:1 | load:0y | dump:0y) mapfile -t COMPREPLY < <(compgen -f -- "$current") ;;
    load:*y | dump:*y | create:* | tables:* | stat:* | ping:* | verify:* | shutdown:*) ;;
    *:0)
        case $verb in
        append | remove | swap | pop | list | count) types='*->@(list|set):*' ;;
        esac
        # not by compgen -W: that would expand what a name contains
        while IFS= read -r word; do
            [[ $word == "$current"* ]] && COMPREPLY+=("$(printf '%q' "$word")")
        done < <(_stele_tables "$types" "${where[@]}")
        ;;
    esac
}

complete -F _stele stele
