#compdef xsw
# Completions of xsw for zsh: eval "$(xsw completions zsh)" in ~/.zshrc after compinit, or a file _xsw in $fpath.
_xsw() {
    local tab=$'\t' answer
    local -a candidates values shown
    answer=$(COMPLETE=zsh command xsw -- "${(@Q)words[1,CURRENT-1]}" "${(Q)PREFIX}" 2>/dev/null)
    # Outside of `emulate`: the functions of the completion system have options of their own.
    [[ -n $answer ]] || { _files; return }
    emulate -L zsh
    candidates=("${(@f)answer}")
    # Those that a word goes on after, then the others.
    values=("${(@)${(@M)candidates:#*/}}")
    (( $#values )) && compadd -S '' -a values
    candidates=("${(@)candidates:#*/}")
    values=("${(@)candidates%%$tab*}")
    shown=("${(@)candidates/$tab/  -- }")
    (( $#values )) && compadd -l -V xsw -d shown -a values
}
if [[ ${funcstack[1]} == _xsw ]]; then
    _xsw "$@"
else
    compdef _xsw xsw
fi
