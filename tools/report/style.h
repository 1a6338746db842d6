// SPDX-License-Identifier: Apache-2.0
// The style sheet of reports.
#pragma once

#include <string_view>

namespace ingrad::tools {

// Colours are variables, so that light and dark pages and the charts share them.
inline constexpr std::string_view kReportStyle = R"css(
:root{--paper:#fcfcfb;--panel:#ffffff;--ink:#1c1d21;--soft:#62656e;--line:#e2e3e6;--standard:#b4690e;
--robust:#0b7a75;--other:#5b6270}
@media (prefers-color-scheme:dark){:root{--paper:#15161a;--panel:#1d1f24;--ink:#e9eaed;--soft:#9b9fa9;
--line:#33363d;--standard:#eda145;--robust:#45c1b8;--other:#a3a9b5}}
*{box-sizing:border-box}
body{margin:0;background:var(--paper);color:var(--ink);font:16px/1.55 system-ui,-apple-system,"Segoe UI",
Roboto,"Helvetica Neue","Noto Sans","Liberation Sans",Arial,sans-serif;-webkit-text-size-adjust:100%}
main{max-width:1080px;margin:0 auto;padding:56px 28px 40px}
h1{font-size:2.3rem;line-height:1.15;letter-spacing:-.022em;margin:0 0 .55rem;font-weight:680}
h2{font-size:1.28rem;letter-spacing:-.011em;margin:3.2rem 0 .7rem;font-weight:640}
p{margin:.5rem 0 1rem;max-width:46rem}
.lead{font-size:1.12rem;color:var(--soft);max-width:48rem;margin-bottom:1.6rem}
a{color:inherit}
code{font:0.88em ui-monospace,SFMono-Regular,Menlo,"DejaVu Sans Mono",monospace}
.standard{color:var(--standard)}.robust{color:var(--robust)}
.cards{display:grid;grid-template-columns:repeat(auto-fit,minmax(200px,1fr));gap:14px;margin:1.6rem 0}
.card{background:var(--panel);border:1px solid var(--line);border-radius:12px;padding:18px 20px}
.card b{display:block;font-size:2rem;line-height:1.15;letter-spacing:-.02em;font-weight:640;
font-variant-numeric:tabular-nums}
.card span{color:var(--soft);font-size:.9rem;line-height:1.35;display:block;margin-top:.25rem}
figure{margin:1.1rem 0;background:var(--panel);border:1px solid var(--line);border-radius:12px;
padding:20px;overflow-x:auto}
figcaption{color:var(--soft);font-size:.88rem;line-height:1.45;margin-top:.9rem;max-width:52rem}
table{border-collapse:collapse;font-size:.92rem;font-variant-numeric:tabular-nums}
figure>table{width:100%}
th{font-weight:560;color:var(--soft);text-align:left;vertical-align:bottom;font-size:.84rem;
line-height:1.3}
td,th{padding:.42rem .8rem .42rem 0;border-bottom:1px solid var(--line)}
tr:last-child td{border-bottom:0}
.number{text-align:right}
td.number{white-space:nowrap}
.gallery td,.gallery th{border:0;padding:0 6px 8px;text-align:center;vertical-align:middle}
.gallery thead th{padding-bottom:10px;vertical-align:bottom}
.gallery tbody th{text-align:right;padding-right:12px;white-space:nowrap;font-size:.86rem}
.gallery tr.first td,.gallery tr.first th{padding-top:14px}
.gallery small{display:block;color:var(--soft);font-size:.76rem;line-height:1.3;margin-top:2px}
.gallery{width:auto!important;margin:0 auto}
img{display:block;margin:0 auto;image-rendering:pixelated;border-radius:3px;
box-shadow:0 0 0 1px var(--line)}
.legend{display:flex;align-items:center;gap:12px;color:var(--soft);font-size:.86rem;margin:1rem 0;
flex-wrap:wrap}
.legend i{display:block;width:190px;height:12px;border-radius:6px;box-shadow:0 0 0 1px var(--line)}
dl{display:grid;grid-template-columns:repeat(auto-fill,minmax(240px,1fr));gap:2px 28px;margin:0;
font-size:.9rem}
dl div{display:flex;justify-content:space-between;gap:14px;border-bottom:1px solid var(--line);
padding:.3rem 0}
dt{color:var(--soft)}dd{margin:0;text-align:right;overflow-wrap:anywhere;
font-variant-numeric:tabular-nums}
svg{display:block;max-width:100%;height:auto;font:12.5px system-ui,-apple-system,"Segoe UI",Roboto,
"Noto Sans","Liberation Sans",Arial,sans-serif;fill:var(--ink)}
svg .soft{fill:var(--soft)}svg .grid{stroke:var(--line);stroke-width:1}
svg .mark{stroke:var(--soft);stroke-width:1;stroke-dasharray:3 4}
footer{color:var(--soft);font-size:.84rem;margin-top:3.5rem;border-top:1px solid var(--line);
padding-top:1rem}
@media print{main{max-width:none;padding:0}figure,.card{break-inside:avoid}}
)css";

}  // namespace ingrad::tools
