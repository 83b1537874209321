# Completions of xsw for PowerShell: xsw completions powershell | Out-String | Invoke-Expression
Register-ArgumentCompleter -Native -CommandName xsw -ScriptBlock {
    param($wordToComplete, $commandAst, $cursorPosition)
    $words = @(foreach ($element in $commandAst.CommandElements) {
        if ($element.Extent.EndOffset -ge $cursorPosition) { break }
        if ($element -is [System.Management.Automation.Language.StringConstantExpressionAst]) { $element.Value }
        else { $element.Extent.Text }
    })
    # With the mark in front, because some PowerShells lose empty words.
    $words += '=' + $wordToComplete.Trim("'", '"')
    $before = $env:COMPLETE
    $env:COMPLETE = 'powershell'
    try { $answer = @(& xsw '--' @words 2>$null) } finally { $env:COMPLETE = $before }
    foreach ($candidate in $answer) {
        $value, $help = $candidate -split "`t", 2
        $text = if ($value -match '[^\w./:=+-]') { "'" + $value.Replace("'", "''") + "'" } else { $value }
        if (-not $help) { $help = $value }
        [System.Management.Automation.CompletionResult]::new($text, $value, 'ParameterValue', $help)
    }
}
