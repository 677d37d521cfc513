"""More templates, in the notation of `idioms`: loops that search, rewrite and rearrange strings, lists and dicts."""

TEXT = """
def $f($s, $t):
    $r = ""
    for $c in $s:
        if $c not in $t:
            $r += $c
    return $r
>>> $f(s, t)
def $f($s):
    $r = ""
    for $c in $s:
        if $c.isalpha():
            $r += $c.upper()
        elif $c.isdigit():
            $r += "#"
        else:
            continue
    return $r
>>> $f(s)
def $f($s, $t):
    for $c in $s:
        if $c in $t:
            return $c
    return ""
>>> $f(s, t)
def $f($s):
    $out = list($s)
    for $i in range(len($out) - 1, -1, -1):
        if $out[$i] == @c:
            $out.pop($i)
    return "".join($out)
>>> $f(s)
def $f($s, $t):
    $acc = 0
    while $t in $s:
        $s = $s.replace($t, "", 1)
        $acc += 1
    return $acc, $s
>>> $f(s, t)
>>> $f('@w @w', '@w')
def $f($s):
    $out = []
    for $i in range(len($s)):
        if $i % 2 == 0:
            $out.append($s[$i])
        else:
            $out.insert(0, $s[$i])
    return "".join($out)
>>> $f(s)
def $f($s, $n):
    if len($s) >= $n:
        return $s
    return $s + "-" * ($n - len($s))
>>> $f(s, n)
def $f($s, $t):
    $i = $s.find($t)
    if $i == -1:
        return $s
    return $s[:$i] + $s[$i + len($t):]
>>> $f(s, t)
>>> $f('@w-@w', '-')
def $f($s):
    if $s.isupper():
        return $s.lower()
    elif $s.islower():
        return $s.upper()
    return $s.swapcase()
>>> $f(s)
def $f($s):
    $a, $t, $b = $s.partition(' ')
    if not $t:
        return [$a]
    return [$b, $a]
>>> $f(s)
>>> $f('@w @w')
def $f($s, $t):
    if $s.startswith($t):
        return $s[len($t):]
    if $s.endswith($t):
        return $s[: -len($t)]
    return None
>>> $f(s, t)
>>> $f('@w ab', '@w')
def $f($s):
    $map = {}
    for $i, $c in enumerate($s):
        if $c in $map:
            $map[$c].append($i)
        else:
            $map[$c] = [$i]
    return $map
>>> $f(s)
def $f($s):
    $flag = True
    for $c in $s:
        if not $c.isdigit():
            $flag = False
            break
    return $flag
>>> $f(s)
>>> $f('74@i')
def $f($ws, $t):
    $out = []
    for $w in $ws:
        if $w.startswith($t[0]):
            $out.append($w)
        elif $t in $w:
            $out.insert(0, $w)
    return $out
>>> $f(ws, 'a')
def $f($ws):
    for $i, $w in enumerate($ws):
        if len($w) > @i:
            $ws[$i] = $w[::-1]
    return $ws
>>> $f(ws)
def $f($ws, $s):
    $acc = 0
    for $w in $ws:
        if $w == $s:
            break
        $acc += len($w)
    else:
        return -1
    return $acc
>>> $f(ws, s)
>>> $f(['@w', '@w'], '@w')
def $f($d, $s):
    if $s in $d:
        $v = $d.pop($s)
        return $v, $d
    $d[$s] = len($d)
    return None, $d
>>> $f(d, s)
>>> $f({'@w': 1}, '@w')
def $f($d):
    $map = {}
    for $key, $v in $d.items():
        if $v > @i:
            $map[$key] = $v
        else:
            $map[$v] = $key
    return $map
>>> $f(d)
def $f($d):
    $out = []
    for $key in sorted($d, key=lambda $x: $d[$x]):
        $out.append(($key, $d[$key]))
    return $out
>>> $f(d)
def $f($d, $xs):
    for $x in $xs:
        $d[str($x)] = $d.get(str($x), 0) + $x
    return list($d.items())
>>> $f(d, xs)
def $f($xs, $m):
    while $xs and $xs[-1] > $m:
        $xs.pop()
    return $xs
>>> $f(xs, m)
def $f($xs):
    $out = []
    while $xs:
        $x = $xs.pop(0)
        if $x in $out:
            continue
        $out.append($x)
    return $out
>>> $f(xs)
def $f($xs, $n):
    for $i, $x in enumerate($xs):
        if $x == $n:
            del $xs[$i]
            return $xs
    $xs.append($n)
    return $xs
>>> $f(xs, n)
>>> $f([3, @i, 7], @i)
def $f($xs, $n):
    $lo = 0
    $hi = len($xs) - 1
    while $lo < $hi:
        if $xs[$lo] + $xs[$hi] == $n:
            return $lo, $hi
        elif $xs[$lo] + $xs[$hi] < $n:
            $lo += 1
        else:
            $hi -= 1
    return None
>>> $f(xs, n)
def $f($xs, $ys):
    $out = []
    for $a, $b in zip($xs, $ys):
        if $a >= $b:
            $out.append($a - $b)
        else:
            $out.extend([$a, $b])
    return $out
>>> $f(xs, ys)
def $f($xs):
    if len($xs) < 2:
        return $xs
    $a = $xs[0]
    for $i in range(1, len($xs)):
        $xs[$i - 1] = $xs[$i]
    $xs[-1] = $a
    return $xs
>>> $f(xs)
"""
