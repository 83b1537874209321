# The .zshenv of a temporary ZDOTDIR that xsw starts zsh with. The session is in the environment, never here.
#
# It gives ZDOTDIR back at once: zsh finds the user's other files, its history and its caches by itself, where they always are.
if (( ${+XSW_ZDOTDIR} )); then
    export ZDOTDIR=$XSW_ZDOTDIR
    unset XSW_ZDOTDIR
else
    unset ZDOTDIR
fi

# The user's rc files may have set other credentials or another profile: the session's variables hold, from their copies.
__xsw_hold() {
    emulate -L zsh
    local name copy
    for name in ${=XSW_HOLD}; do
        copy=XSW_HOLD_$name
        export "$name=${(P)copy}"
    done
    for name in ${=XSW_DROP}; do
        unset $name
    done
    typeset -g __xsw_role=$XSW_ROLE
}

__xsw_release() {
    emulate -L zsh
    local name
    for name in ${=XSW_HOLD}; do
        unset XSW_HOLD_$name
    done
    unset XSW_HOLD XSW_DROP
    unfunction __xsw_hold __xsw_release
}

# What the user's own hooks see is their own PS1: some look at how it begins.
__xsw_unmark() {
    emulate -L zsh
    PS1=${PS1//$__xsw_in_ps1/}
}

# Puts the marker in front of PS1, once, whatever has happened to PS1 since the last prompt.
__xsw_mark() {
    local -i __xsw_subst=0 __xsw_percent=0 __xsw_bang=0
    [[ -o promptsubst ]] && __xsw_subst=1
    [[ -o promptpercent ]] && __xsw_percent=1
    [[ -o promptbang ]] && __xsw_bang=1
    emulate -L zsh
    local text=$XSW_PROMPT end=$XSW_SESSION_EXPIRES_AT
    # `eval "$(xsw env …)"` may have changed the session since: the marker says whose it is now.
    if [[ $XSW_ROLE != "$__xsw_role" ]]; then
        text=${text:+${XSW_ROLE:+xsw ${XSW_ROLE//[[:cntrl:]]/?}}}
    fi
    if [[ -n $text && $end == <-> ]] && zmodload zsh/datetime 2>/dev/null; then
        local -i left=$(( end - EPOCHSECONDS ))
        if (( left <= 0 )); then
            text+=': session ended'
        elif (( left < 60 )); then
            text+=': under 1 min left'
        elif (( left < 300 )); then
            text+=": $(( left / 60 )) min left"
        elif (( left < 5400 )); then
            text+=" $(( left / 60 )) min"
        else
            text+=" $(( left / 3600 )) h $(( left % 3600 / 60 )) min"
        fi
    fi
    typeset -g __xsw_marker=${text:+($text) }
    # The text comes partly from a profile file: it is to be shown, not evaluated.
    (( __xsw_percent )) && __xsw_marker=${__xsw_marker//\%/%%}
    (( __xsw_bang )) && __xsw_marker=${__xsw_marker//\!/!!}
    PS1=${PS1//$__xsw_in_ps1/}
    if (( __xsw_subst )); then
        typeset -g __xsw_in_ps1='${__xsw_marker-}'
    else
        typeset -g __xsw_in_ps1=$__xsw_marker
    fi
    PS1=$__xsw_in_ps1$PS1
}

# Runs once, when all rc files and the first prompt's own hooks have run: that makes it the last.
__xsw_start() {
    __xsw_hold 2>/dev/null
    __xsw_release
    # A scope of its own: the marker has to see the user's options.
    () {
        emulate -L zsh
        typeset -ga precmd_functions
        precmd_functions=(__xsw_unmark ${precmd_functions:#__xsw_start} __xsw_mark)
    }
    __xsw_mark
    unfunction __xsw_start
}

# Left by an xsw around this one, when somebody exports PS1.
typeset -g __xsw_in_ps1='${__xsw_marker-}'

if [[ -r ${ZDOTDIR:-$HOME}/.zshenv ]]; then
    source "${ZDOTDIR:-$HOME}/.zshenv"
fi

__xsw_hold 2>/dev/null
if [[ ! -o interactive ]]; then
    __xsw_release
    unfunction __xsw_start __xsw_mark __xsw_unmark
elif zmodload zsh/sched 2>/dev/null; then
    # Not precmd_functions: an rc file may empty it, and hooks that are added later would run after ours.
    sched +0 __xsw_start
else
    typeset -ga precmd_functions
    precmd_functions+=(__xsw_start)
fi
