"""The style sheet of a sequence diagram, for light and dark screens. Elements themselves carry service colours."""

__all__ = ["STYLE"]

STYLE = """
.sequence{font-family:system-ui,-apple-system,"Segoe UI",Roboto,"Noto Sans",Arial,sans-serif;font-size:12.5px}
.sequence text{fill:#1f2328;text-anchor:middle}
.sequence .paper{fill:#fff}
.sequence .title{font-size:20px;font-weight:600;text-anchor:start}
.sequence .about{font-size:12.5px;text-anchor:start;fill:#59636e}
.sequence .name{font-size:13px;font-weight:600}
.sequence .life{fill:none;stroke:#d1d9e0;stroke-width:1.5}
.sequence .bar{stroke:#fff}
.sequence .message text{paint-order:stroke;stroke:#fff;stroke-width:4px;stroke-linejoin:round}
.sequence .message .line{fill:none;stroke:currentColor;stroke-width:1.6}
.sequence .answer .line{stroke-dasharray:5 4}
.sequence .head{fill:currentColor}
.sequence .tip{fill:none;stroke:currentColor;stroke-width:1.6;stroke-linecap:round;stroke-linejoin:round}
.sequence .cross{fill:none;stroke:#d1242f;stroke-width:3;stroke-linecap:round}
.sequence .message.failed{color:#d1242f!important}
.sequence .message.failed text,.sequence .red{fill:#d1242f;font-weight:600}
.sequence .first{text-anchor:start!important}
.sequence .dim,.sequence .detail{fill:#59636e!important;font-weight:400!important}
.sequence .detail{font-size:11px}
.sequence .strong,.sequence .times{font-weight:600}
.sequence .step{fill:#1f2328;stroke:#fff;stroke-width:2}
.sequence .message text.digit{fill:#fff;stroke:none;font-size:11px;font-weight:700}
.sequence .failed .step{fill:#d1242f}
.sequence .note text{font-size:12px}
.sequence .work .box{fill:currentColor;fill-opacity:.1;stroke:currentColor;stroke-opacity:.7}
.sequence .error .box{fill:#ffebe9;stroke:#d1242f;stroke-width:1.6}
.sequence .error .strong{fill:#d1242f}
.sequence .fault .box{fill:#fff8c5;stroke:#d4a72c}
.sequence .gap .box{fill:#f6f8fa;stroke:#d1d9e0;stroke-dasharray:4 3}
.sequence .gap text{fill:#59636e;font-style:italic}
@media (prefers-color-scheme:dark){
.sequence text{fill:#e6edf3}
.sequence .paper{fill:#0d1117}
.sequence .about{fill:#9198a1}
.sequence .life{stroke:#3d444d}
.sequence .bar{stroke:#0d1117}
.sequence .message text{stroke:#0d1117}
.sequence .cross{stroke:#ff6b64}
.sequence .message.failed{color:#ff6b64!important}
.sequence .message.failed text,.sequence .red{fill:#ff6b64}
.sequence .dim,.sequence .detail{fill:#9198a1!important}
.sequence .step{fill:#e6edf3;stroke:#0d1117}
.sequence .message text.digit{fill:#0d1117}
.sequence .failed .step{fill:#ff6b64}
.sequence .work .box{fill-opacity:.18}
.sequence .error .box{fill:#3a1518;stroke:#ff6b64}
.sequence .error .strong{fill:#ff8f88}
.sequence .fault .box{fill:#2f2706;stroke:#bb8009}
.sequence .gap .box{fill:#151b23;stroke:#3d444d}
.sequence .gap text{fill:#9198a1}
}
"""
