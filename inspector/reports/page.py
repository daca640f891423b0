"""The style sheet of the HTML report. Its colours keep the contrast of WCAG 2.1 AA (1.4.3) in both schemes."""

STYLE = """
:root{color-scheme:light dark;
--page:#fff;--text:#1b1f24;--soft:#57606a;--line:#d0d7de;--panel:#f6f8fa;--link:#0550ae;
--crash:#b3261e;--on-crash:#fff;--wrong:#6f42c1;--on-wrong:#fff;--latent:#ffd866;--on-latent:#3a2c00;
--unknown:#d8e2ec;--on-unknown:#17324d;--safe:#d6f0dc;--on-safe:#0f3d1a}
@media (prefers-color-scheme:dark){:root{
--page:#0d1117;--text:#e6edf3;--soft:#9ba6b2;--line:#30363d;--panel:#161b22;--link:#79b8ff;
--crash:#c9302c;--on-crash:#fff;--wrong:#8250df;--on-wrong:#fff;--latent:#b08800;--on-latent:#0d0a00;
--unknown:#33475b;--on-unknown:#e6edf3;--safe:#1c4a29;--on-safe:#d6f5de}}
*{box-sizing:border-box}
html{-webkit-text-size-adjust:100%}
body{margin:0 auto;padding:1rem;max-width:70rem;background:var(--page);color:var(--text);
font:1rem/1.5 system-ui,-apple-system,"Segoe UI",Roboto,"Liberation Sans","DejaVu Sans",sans-serif;
overflow-wrap:anywhere}
code{font:.9em/1.4 ui-monospace,SFMono-Regular,Menlo,"DejaVu Sans Mono",monospace;unicode-bidi:isolate}
pre{margin:.4rem 0;padding:.5rem .8rem;background:var(--panel);overflow-x:auto;white-space:pre}
a{color:var(--link)}
h1{font-size:1.6rem;margin:.5rem 0}
h2{font-size:1.2rem;margin:2rem 0 .3rem;border-bottom:1px solid var(--line);padding-bottom:.3rem}
h3{font-size:1rem;margin:0 0 .3rem;font-weight:600}
h4{font-size:1rem;margin:.8rem 0 .3rem;font-weight:600}
h5{font-size:.85rem;margin:.5rem 0 0;color:var(--soft);font-weight:600}
ul{margin:.2rem 0 .5rem;padding-left:1.3rem}
.lead{font-size:1.1rem;margin:.3rem 0}
.facts{color:var(--soft);font-size:.85rem;margin:.2rem 0 .6rem}
.problem{border-left:4px solid var(--latent);background:var(--panel);padding:.4rem .8rem;margin:.5rem 0}
.badge{display:inline-block;padding:0 .5rem;border-radius:.8rem;font-size:.85rem;font-weight:600;white-space:nowrap}
.crash.badge,.crash.cell{background:var(--crash);color:var(--on-crash)}
.wrong.badge,.wrong.cell{background:var(--wrong);color:var(--on-wrong)}
.latent.badge,.latent.cell{background:var(--latent);color:var(--on-latent)}
.unknown.badge,.unknown.cell{background:var(--unknown);color:var(--on-unknown)}
.safe.badge,.safe.cell{background:var(--safe);color:var(--on-safe)}
.counts,.contents{list-style:none;padding:0}
.counts li{display:inline-block;margin:0 1rem .3rem 0}
.contents li{margin:.3rem 0}
.scroll{overflow-x:auto;margin:.5rem 0 1rem}
.matrix{border-collapse:separate;border-spacing:3px}
.matrix caption{text-align:left;color:var(--soft);font-size:.85rem;caption-side:bottom}
.matrix th{font-weight:600;text-align:left;padding:.2rem .5rem;font-size:.9rem;max-width:16rem;min-width:6rem}
.matrix th[scope=row]{background:var(--page);position:sticky;left:0;min-width:8rem}
.matrix td{padding:0}
.cell{display:block;min-width:5.5rem;padding:.45rem .6rem;border-radius:.3rem;text-decoration:none;font-weight:600;
text-align:center}
.cell:hover{text-decoration:underline}
article{border:1px solid var(--line);border-left:6px solid var(--line);border-radius:.3rem;padding:.8rem 1rem;
margin:1rem 0;background:var(--panel)}
article.crash{border-left-color:var(--crash)}
article.wrong{border-left-color:var(--wrong)}
article.latent{border-left-color:var(--latent)}
article.unknown{border-left-color:var(--unknown)}
article.safe{border-left-color:var(--safe)}
.verdict+.verdict{border-top:1px solid var(--line);margin-top:.8rem}
:target{outline:3px solid var(--link);outline-offset:2px}
:focus-visible{outline:3px solid var(--link);outline-offset:2px}
main:focus{outline:none}
summary{cursor:pointer;color:var(--soft)}
dl{display:grid;grid-template-columns:max-content 1fr;gap:.4rem 1rem}
dd{margin:0}
.skip{position:absolute;left:-99rem}
.skip:focus{position:static}
@media (max-width:40rem){body{padding:.6rem}.matrix th[scope=row]{min-width:7rem;max-width:9rem}
.cell{min-width:4.8rem;padding:.45rem .3rem}article{padding:.6rem .7rem}}
@media print{body{max-width:none}.scroll{overflow:visible}}
"""
