"""The look of the report: one page, no other file but its pictures, nothing from the net."""

from string import Template

STYLE = """
:root { color-scheme: light dark; --ground: #fff; --ink: #1c2026; --faint: #59616e; --line: #d5d9e0; --mark: #1f5fd0;
  --best: #e6efff; --bad: #a3261b; }
@media (prefers-color-scheme: dark) { :root { --ground: #16191d; --ink: #eef1f5; --faint: #a7b0bd; --line: #3a414b;
  --mark: #7db0ff; --best: #1e3357; --bad: #ff9a8f; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 76rem; padding: 1.5rem 1rem 4rem; background: var(--ground); color: var(--ink);
  font: 16px/1.5 system-ui, sans-serif; }
h1 { font-size: 1.7rem; margin: 0 0 .3rem; } h2 { margin: 2.5rem 0 .6rem; } h3 { margin: 0; font-size: 1rem; }
p, li { max-width: 48rem; } .faint, caption { color: var(--faint); } .bad { color: var(--bad); }
.wide { overflow-x: auto; } table { border-collapse: collapse; } caption { text-align: left; padding: .3rem 0; }
th, td { padding: .35rem .8rem .35rem 0; border-bottom: 1px solid var(--line); text-align: left; vertical-align: top;
  font-variant-numeric: tabular-nums; }
td.best { background: var(--best); font-weight: 600; }
td small { display: block; color: var(--faint); font-weight: 400; }
svg { width: 100%; max-width: 40rem; display: block; } svg text { fill: var(--ink); font-size: 12px; }
svg .tick { text-anchor: middle; fill: var(--faint); } svg .name { text-anchor: end; }
svg .grid { stroke: var(--line); } svg .interval { stroke: var(--mark); stroke-width: 3; }
svg .mean { fill: var(--mark); }
details { border-bottom: 1px solid var(--line); padding: .5rem 0; } summary { cursor: pointer; min-height: 2rem; }
summary:focus-visible, a:focus-visible, select:focus-visible { outline: 3px solid var(--mark); outline-offset: 2px; }
figure { margin: .8rem 0; } figure img { max-width: 100%; height: auto; display: block; }
.frame img { max-width: 22rem; }
select { font: inherit; min-height: 2.75rem; padding: 0 .5rem; } a { color: var(--mark); }
.skip { position: absolute; left: -99rem; } .skip:focus { left: 1rem; top: .5rem; background: var(--ground); }
"""

SCRIPT = """
const list = document.getElementById("cases"), by = document.getElementById("by");
by.addEventListener("change", () => {
  const key = (one) => JSON.parse(one.dataset.order)[by.value] ?? Infinity;
  list.append(...[...list.children].sort((a, b) => key(a) - key(b)));
});
document.addEventListener("keydown", (event) => {
  if (event.target.closest("select, input") || event.ctrlKey || event.metaKey || event.altKey) return;
  const all = [...list.querySelectorAll("summary")], here = all.indexOf(document.activeElement);
  const step = { j: 1, k: -1 }[event.key];
  if (step) all[Math.min(all.length - 1, Math.max(0, here + step))]?.focus();
  if ("eE".includes(event.key)) list.querySelectorAll("details").forEach((one) => (one.open = event.key === "e"));
});
"""

PAGE = Template("""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>$title</title>
<style>$style</style>
</head>
<body>
<a class="skip" href="#by-case">To the cases</a>
<header><h1>$title</h1><p class="faint">$subtitle</p></header>
<main>
$warnings
<section aria-labelledby="table"><h2 id="table">Means</h2>
<p class="faint">Over the cases of which every method has a value; in brackets the 95 % interval of a bootstrap over
cases. A case counts once, whatever its seeds and subjects. Undefined is never 0.</p>
<div class="wide" tabindex="0" role="group" aria-label="Means">$means</div>
$plots</section>
<section aria-labelledby="pairs"><h2 id="pairs">Methods in pairs</h2>
<p class="faint">On the cases that both have. p: how often a difference as large comes of flipping signs at random;
Holm's holds for all pairs of a metric together.</p>
<div class="wide" tabindex="0" role="group" aria-label="Methods in pairs">$pairs</div></section>
<section aria-labelledby="by-case"><h2 id="by-case">Case by case</h2>
<p><label for="by">Worst first, by </label><select id="by">$orders</select>
<span class="faint">Keys: j and k go on and back, Enter opens, e opens all, E closes them.</span></p>
<div id="cases">$cases</div></section>
</main>
<script>$script</script>
</body>
</html>
""")
