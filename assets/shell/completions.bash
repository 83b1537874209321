# Completions of xsw for bash: eval "$(xsw completions bash)" in ~/.bashrc
_xsw() {
    local candidate
    COMPREPLY=()
    # The line itself goes to xsw: bash has taken words with : = @ in them apart.
    while IFS= read -r candidate; do
        COMPREPLY+=("$candidate")
    done < <(COMPLETE=bash command xsw -- "${COMP_LINE:0:COMP_POINT}" "$2" 2>/dev/null)
    if [[ ${#COMPREPLY[@]} -eq 1 && ${COMPREPLY[0]} == *[/=] ]]; then
        compopt -o nospace 2>/dev/null
    fi
}
complete -o nosort -o bashdefault -o default -F _xsw xsw 2>/dev/null || complete -o bashdefault -o default -F _xsw xsw
