# Completions of xsw for fish: xsw completions fish | source, in config.fish
function __xsw_complete
    set -l words (commandline --current-process --tokenize --cut-at-cursor)
    # Within quotes it is no whole word: fish picks from all of them then.
    set -l current (commandline --current-token --cut-at-cursor | string unescape)
    COMPLETE=fish command xsw -- $words "$current" 2>/dev/null
end
complete --command xsw --no-files --keep-order --arguments '(__xsw_complete)'
