# What bash reads instead of ~/.bashrc in a subshell of xsw (`bash --rcfile`). The session is in the environment, never here.
#
# The functions come first: aliases of the user's rc file would be expanded in what is defined after it.

# The user's rc files may have set other credentials or another profile: the session's variables hold, from their copies.
__xsw_hold() {
    local IFS=' ' name copy
    for name in ${XSW_HOLD-}; do
        copy=XSW_HOLD_$name
        export "$name=${!copy-}"
        unset -v "$copy"
    done
    for name in ${XSW_DROP-}; do
        unset -v "$name"
    done
    unset -v XSW_HOLD XSW_DROP
    __xsw_role=${XSW_ROLE-}
}

# What the user's own prompt commands see is their own PS1: some look at how it begins.
__xsw_unmark() {
    local last=$?
    PS1=${PS1-}
    PS1=${PS1//"$__xsw_in_ps1"/}
    return $last
}

# Puts the marker in front of PS1, once, whatever has happened to PS1 since the last prompt.
__xsw_mark() {
    local text=${XSW_PROMPT-} end=${XSW_SESSION_EXPIRES_AT-} now left
    # `eval "$(xsw env …)"` may have changed the session since: the marker says whose it is now.
    if [[ ${XSW_ROLE-} != "$__xsw_role" ]]; then
        text=${text:+${XSW_ROLE:+xsw ${XSW_ROLE//[[:cntrl:]]/?}}}
    fi
    if [[ -n $text && -n $end && $end != *[!0-9]* ]]; then
        if [[ -n ${EPOCHSECONDS-} ]]; then
            now=$EPOCHSECONDS
        elif ((BASH_VERSINFO[0] * 100 + BASH_VERSINFO[1] >= 402)); then
            printf -v now '%(%s)T' -1
        else
            now=$(date +%s)
        fi
        left=$((end - now))
        if ((left <= 0)); then
            text+=': session ended'
        elif ((left < 60)); then
            text+=': under 1 min left'
        elif ((left < 300)); then
            text+=": $((left / 60)) min left"
        elif ((left < 5400)); then
            text+=" $((left / 60)) min"
        else
            text+=" $((left / 3600)) h $((left % 3600 / 60)) min"
        fi
    fi
    __xsw_marker=${text:+($text) }
    # The text comes partly from a profile file. As a parameter it is shown and not evaluated; without
    # promptvars bash would show the parameter's name, but then only backslashes mean something.
    PS1=${PS1-}
    PS1=${PS1//"$__xsw_in_ps1"/}
    if shopt -q promptvars; then
        __xsw_in_ps1='${__xsw_marker-}'
    else
        __xsw_in_ps1=${__xsw_marker//\\/\\\\}
    fi
    PS1=$__xsw_in_ps1$PS1
}

# Left by an xsw around this one, when somebody exports PS1.
__xsw_in_ps1='${__xsw_marker-}'
PS1=${PS1-}
PS1=${PS1//'(${XSW_PROMPT-}) '/}

# Somebody whose terminals are login shells may have no ~/.bashrc at all.
if [[ -r ~/.bashrc ]]; then
    . ~/.bashrc
elif [[ -r ~/.bash_profile ]]; then
    . ~/.bash_profile
elif [[ -r ~/.bash_login ]]; then
    . ~/.bash_login
elif [[ -r ~/.profile ]]; then
    . ~/.profile
fi

__xsw_hold 2>/dev/null
unset -f __xsw_hold

# The marker comes last, so that a command which rewrites PS1 for each prompt has done so.
if ((BASH_VERSINFO[0] * 100 + BASH_VERSINFO[1] >= 501)); then
    PROMPT_COMMAND=(__xsw_unmark ${PROMPT_COMMAND[@]+"${PROMPT_COMMAND[@]}"} __xsw_mark)
elif [[ ${PROMPT_COMMAND-} != *__xsw_mark* ]]; then
    # It may be exported: a bash in this one, which lacks the functions, must not complain.
    PROMPT_COMMAND="${PROMPT_COMMAND:+__xsw_unmark 2>/dev/null
$PROMPT_COMMAND
}! declare -F __xsw_mark >/dev/null || __xsw_mark"
fi
