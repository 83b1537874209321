# What fish runs after its configuration in a subshell of xsw (`fish --init-command`). The session is in the environment, never here.

# The configuration may have set other credentials or another profile: the session's variables hold, from their copies.
for __xsw_name in (string split -n ' ' -- "$XSW_HOLD")
    set -l copy XSW_HOLD_$__xsw_name
    set -gx $__xsw_name "$$copy"
    set -e $copy
end
for __xsw_name in (string split -n ' ' -- "$XSW_DROP")
    set -eg $__xsw_name
    # fish exports a universal variable whatever is done in one shell, and to erase it would change all of them.
    if set -qUx $__xsw_name
        echo "xsw: $__xsw_name is a universal variable of fish and stays set; erase it with: set -eU $__xsw_name" >&2
    end
end
set -e __xsw_name
set -e XSW_HOLD
set -e XSW_DROP
set -g __xsw_role "$XSW_ROLE"

function __xsw_marker
    set -l text "$XSW_PROMPT"
    # `xsw env … | source` may have changed the session since: the marker says whose it is now.
    if test "$XSW_ROLE" != "$__xsw_role"; and test -n "$text"
        set text
        test -n "$XSW_ROLE"; and set text "xsw "(string replace -ra '[[:cntrl:]]' '?' -- $XSW_ROLE | string collect)
    end
    test -n "$text"; or return
    if string match -qr '^[0-9]+$' -- "$XSW_SESSION_EXPIRES_AT"
        set -l left (math $XSW_SESSION_EXPIRES_AT - (date +%s))
        if test $left -le 0
            set text "$text: session ended"
        else if test $left -lt 60
            set text "$text: under 1 min left"
        else if test $left -lt 300
            set text "$text: "(math -s0 $left / 60)" min left"
        else if test $left -lt 5400
            set text "$text "(math -s0 $left / 60)" min"
        else
            set text "$text "(math -s0 $left / 3600)" h "(math -s0 $left % 3600 / 60)" min"
        end
    end
    printf '(%s) ' $text
end

if status is-interactive
    # Asking for fish_prompt loads it when it is a file of its own.
    if functions -q fish_prompt
        functions -e __xsw_user_prompt
        functions -c fish_prompt __xsw_user_prompt
    else
        function __xsw_user_prompt
            printf '> '
        end
    end
    function fish_prompt
        # The user's prompt runs first: it reads $status and $pipestatus, which any command before it would change.
        set -l own (__xsw_user_prompt | string collect --no-trim-newlines)
        __xsw_marker
        printf '%s' "$own"
    end
end
