/* The explorer's page: search, an agency, a report as the form, league tables.
   Here: what is drawn. Not here: SQL (sql.js); the data (data/, scripts that call gongkai.take).
   All text is put in as text: nothing that a report says is ever read as markup. */
"use strict";
const gongkai = (() => {
  const SHOWN = 60;
  const waiting = new Map();
  const taken = new Map();
  const field = (id) => document.getElementById(id);

  // Data: a script for each piece, since a page from disk may not fetch.
  const take = (name, content) => { taken.set(name, content); };
  const load = (name, folder = "data/") => {
    if (!waiting.has(name)) {
      waiting.set(name, new Promise((done, fail) => {
        const script = document.createElement("script");
        script.src = folder + name + ".js";
        script.onload = () => (taken.has(name) ? done(taken.get(name)) : fail(new Error(name)));
        script.onerror = () => { waiting.delete(name); fail(new Error("无法读取 cannot read " + script.src)); };
        document.head.append(script);
      }));
    }
    return waiting.get(name);
  };

  const put = (parent, tag, text, kind) => {
    const made = parent.appendChild(document.createElement(tag));
    if (text !== undefined && text !== null) made.textContent = text;
    if (kind) made.className = kind;
    return made;
  };
  const draw = (parent, tag, attributes, text) => {
    const made = document.createElementNS("http://www.w3.org/2000/svg", tag);
    for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
    if (text !== undefined) made.textContent = text;
    parent.append(made);
    return made;
  };
  const link = (parent, text, wanted) => {
    const made = put(parent, "a", text);
    made.href = "#" + new URLSearchParams(wanted);
    return made;
  };
  const shown = (figure) => (typeof figure === "number" ? figure.toLocaleString("en", { maximumFractionDigits: 6 }) : figure);

  let index, names;
  const word = (kind, code) => {
    const words = (index.words[kind] || {})[code];
    return words ? words.join(" ") : code || "";
  };
  const short = (kind, code) => (((index.words[kind] || {})[code]) || [code || ""])[0];
  const regionOf = (code) => {
    for (let digits = code; digits; digits = digits.slice(0, -1)) if (index.regions[digits]) return index.regions[digits];
    return "";
  };
  const grade = (parent, letter) => {
    if (!letter) return;
    const made = put(parent, "span", letter, "grade");
    made.title = "质量等级 grade: " + (index.grades[letter] || []).join(" · ");
  };

  // Agencies.
  const search = (said) => {
    const words = said.toLowerCase().split(/\s+/).filter(Boolean);
    if (!words.length) return index.agencies.map((_, place) => place);
    const found = [];
    names.forEach((name, place) => { if (words.every((part) => name.includes(part))) found.push(place); });
    const whole = words.join("");
    const rank = (place) => {
      const name = index.agencies[place][1].toLowerCase();
      return (name === whole ? 0 : name.startsWith(words[0]) ? 1 : name.includes(words[0]) ? 2 : 3) * 1000 + Math.min(name.length, 999);
    };
    const ranks = new Map(found.map((place) => [place, rank(place)]));
    return found.sort((a, b) => ranks.get(a) - ranks.get(b) || a - b);
  };
  const listAgencies = () => {
    const start = performance.now();
    const found = search(field("find").value);
    const list = field("agencies");
    list.replaceChildren();
    for (const place of found.slice(0, SHOWN)) {
      const [id, name, full, level, , code, , reports] = index.agencies[place];
      const line = put(list, "li");
      link(line, name, { agency: id });
      put(line, "span", " " + [full, full ? "" : regionOf(code), level && short("level", level)].filter(Boolean).join(" · "), "soft");
      const years = put(line, "div", null, "soft");
      for (const [year, report, letter] of reports) {
        link(years, year || "年度未知", { agency: id, report });
        years.append(" ");
        grade(years, letter);
        years.append(" ");
      }
    }
    const more = found.length > SHOWN ? ` · 显示前 ${SHOWN} 个 first ${SHOWN} shown` : "";
    field("found").textContent = `${found.length.toLocaleString("en")} 个机关 agencies${more}`;
    field("found").dataset.milliseconds = Math.round(performance.now() - start);
  };

  // Charts: bars by year; dashed red where a figure is doubted, ∅ with the reason where there is none.
  const bars = (parent, title, years, series) => {
    const box = put(parent, "figure");
    const [width, height, left, top, foot] = [440, 196, 46, 20, 24];
    const svg = draw(box, "svg", { viewBox: `0 0 ${width} ${height}`, role: "img" });
    const totals = years.map((_, at) => series.reduce((sum, one) => sum + Math.max(0, one.figures[at] ?? 0), 0));
    const most = Math.max(1, ...totals);
    const room = height - top - foot;
    const step = (width - left - 6) / years.length;
    draw(svg, "title", {}, title + ": " + years.map((year, at) => `${year} ${series.map((one) => `${one.label} ${shown(one.figures[at]) ?? "∅"}`).join(", ")}`).join("; "));
    draw(svg, "text", { x: left - 6, y: top + 6, "text-anchor": "end" }, shown(most));
    draw(svg, "text", { x: left - 6, y: height - foot, "text-anchor": "end" }, "0");
    draw(svg, "line", { x1: left, x2: width, y1: height - foot, y2: height - foot, class: "axis" });
    years.forEach((year, at) => {
      const wide = Math.min(46, step * 0.7);
      const x = left + step * at + (step - wide) / 2;
      draw(svg, "text", { x: x + wide / 2, y: height - 7, "text-anchor": "middle" }, year);
      let y = height - foot;
      const doubt = series.some((one) => one.flagged[at]);
      for (const one of series) {
        const figure = one.figures[at];
        if (figure === null || figure === undefined || figure <= 0) continue;
        const high = room * figure / most;
        y -= high;
        const part = draw(svg, "rect", { x, y, width: wide, height: high, class: one.kind });
        draw(part, "title", {}, `${year} ${one.label} ${shown(figure)}${one.flagged[at] ? " ⚑ 存疑 flagged" : ""}`);
      }
      if (series.length === 1 && typeof series[0].figures[at] === "number") {
        draw(svg, "text", { x: x + wide / 2, y: Math.max(y - 4, 11), "text-anchor": "middle" }, shown(series[0].figures[at]) + (doubt ? " ⚑" : ""));
      }
      if (doubt) draw(svg, "rect", { x: x - 2, y: Math.min(y, height - foot - 6) - 2, width: wide + 4, height: Math.max(6, height - foot - y) + 2, class: "doubt" });
      const gaps = series.filter((one) => one.figures[at] === null || one.figures[at] === undefined);
      if (gaps.length) {
        const sign = draw(svg, "text", { x: x + wide / 2, y: y - 4, "text-anchor": "middle", class: "gap" }, "∅");
        draw(sign, "title", {}, gaps.map((one) => `${one.label}: ${one.absent[at] || "∅"}`).join("; "));
      }
    });
    const about = put(box, "figcaption", title + " ");
    if (series.length > 1) for (const one of series) { put(about, "span", null, "key " + one.kind); about.append(one.label); }
  };
  const seriesOf = (panels, measure, kind) => {
    const at = index.measures.findIndex((one) => one[0] === measure);
    const label = index.measures[at][1];
    return {
      label: label.split(" › ").pop(), kind,
      figures: panels.map((panel) => (panel ? panel.figures[at] : null)),
      flagged: panels.map((panel) => Boolean(panel) && panel.flagged.includes(at)),
      absent: panels.map((panel) => (panel ? word("null_reason", panel.absent[at]) : word("coverage", "no_report"))),
    };
  };
  const OUTCOMES = ["granted", "granted_in_part", "refused", "unavailable", "declined", "other"];

  // An agency: its years as charts and figures, then one report as the form.
  const drawAgency = async (id, wanted) => {
    const place = index.agencies.findIndex((one) => one[0] === id);
    const box = field("part-agency");
    box.replaceChildren();
    if (place < 0) { put(box, "p", "没有这个机关 no such agency"); return; }
    const [, name, full, level, , code, piece] = index.agencies[place];
    const asked = location.hash;
    const content = await load("reports/" + piece);
    // Another agency was asked for meanwhile.
    if (asked !== location.hash) return;
    const reports = content[id];
    box.replaceChildren();
    put(box, "h2", name);
    put(box, "p", [full, regionOf(code), code, word("level", level)].filter(Boolean).join(" · "), "soft");
    const dated = reports.filter((report) => report.panel);
    if (dated.length) {
      // A year without a report keeps its place.
      const years = [];
      for (let year = dated[0].year; year <= dated[dated.length - 1].year; year += 1) years.push(year);
      const panels = years.map((year) => (dated.find((report) => report.year === year) || {}).panel);
      const charts = put(box, "div", null, "charts");
      bars(charts, "办理结果 outcomes", years, OUTCOMES.map((group, at) => seriesOf(panels, "requests_" + group, "c" + at)));
      bars(charts, "新收申请 received", years, [seriesOf(panels, "requests_received", "c6")]);
      bars(charts, "行政复议 reconsiderations", years, [seriesOf(panels, "reconsideration_total", "c4")]);
      const own = put(charts, "div");
      const choice = put(own, "select");
      choice.id = "figure";
      choice.setAttribute("aria-label", "指标 figure");
      offerMeasures(choice, (one) => one[4] !== "rates");
      choice.value = "normative_documents_in_force";
      const slot = put(own, "div");
      const again = () => {
        slot.replaceChildren();
        bars(slot, choice.selectedOptions[0].textContent, years, [seriesOf(panels, choice.value, "c6")]);
      };
      choice.addEventListener("input", again);
      again();
      panelTable(box, dated);
    }
    const tabs = put(box, "div", null, "years");
    tabs.setAttribute("role", "group");
    tabs.setAttribute("aria-label", "年度 years");
    const chosen = reports.find((report) => report.id === wanted) || reports[reports.length - 1];
    const form = put(box, "div");
    for (const report of reports) {
      const tab = put(tabs, "button", report.year || "年度未知");
      tab.type = "button";
      tab.setAttribute("aria-pressed", report === chosen);
      tab.addEventListener("click", () => {
        for (const other of tabs.children) other.setAttribute("aria-pressed", other === tab);
        history.replaceState(null, "", "#" + new URLSearchParams({ agency: id, report: report.id }));
        drawReport(form, report);
      });
    }
    drawReport(form, chosen);
  };
  const panelTable = (box, reports) => {
    const fold = put(box, "details");
    put(fold, "summary", "逐年数字 figures by year");
    const wide = put(fold, "div", null, "wide");
    const table = put(wide, "table");
    table.id = "panel";
    const head = put(put(table, "thead"), "tr");
    put(head, "th", "指标 figure").scope = "col";
    for (const report of reports) put(head, "th", report.year).scope = "col";
    const body = put(table, "tbody");
    index.measures.forEach(([, label, english, unit, of], at) => {
      if (of === "rates") return;
      const line = put(body, "tr");
      const name = put(line, "th", `${label}（${unit}） `);
      name.scope = "row";
      put(name, "small", english);
      for (const { panel } of reports) figureCell(line, panel.figures[at], panel.flagged.includes(at), panel.absent[at], panel.origin[at]);
    });
  };
  const figureCell = (line, figure, flagged, absent, origin) => {
    const cell = put(line, "td", null, "n" + (flagged ? " m-warn" : ""));
    if (figure === null || figure === undefined) { cell.textContent = "∅"; cell.classList.add("null"); cell.title = word("null_reason", absent); }
    else cell.textContent = shown(figure);
    if (flagged) put(cell, "span", " ⚑", "flag").title = "存疑 flagged";
    if (origin) put(cell, "small", " " + short("origin", origin)).title = word("origin", origin);
    return cell;
  };

  // A report as the official form.
  const drawReport = (box, report) => {
    box.replaceChildren();
    box.className = "report";
    const heading = put(box, "h3", report.title || String(report.year || ""));
    heading.append(" ");
    grade(heading, report.grade);
    put(box, "p", [report.id, report.form_known ? "格式 form " + report.form : "格式未知 form unknown", word("scope", report.scope), word("basis", report.basis)].join(" · "), "soft");
    for (const [path, url, format, status, message, own] of report.files) {
      const line = put(box, "p", own ? "原文 source: " : "另一文件 other file: ");
      // Only addresses of the web become links.
      if (/^https?:\/\//i.test(url)) {
        const made = put(line, "a", url);
        made.href = url;
        made.rel = "noopener noreferrer";
        line.append(" · ");
      }
      put(line, "code", path);
      line.append(` · ${format} · ${status}${message ? " · " + message : ""}`);
    }
    for (const layout of index.layouts[report.form]) drawTable(box, layout, report.tables[layout.code], report.states[layout.code]);
    put(box, "p", "⚑ 存疑 flagged · + 推得 derived · ~ 归位 realigned · ? 缺失或不可辨认 lost or illegible · ⇒ 更正 corrected · → 建议 suggestion · 序号指下面的发现 a number names a finding", "soft");
    listFindings(box, report);
    if (report.said.length) {
      put(box, "h4", "文中数字 figures stated in the text");
      const list = put(box, "ul");
      for (const [measure, value, qualifier, excerpt] of report.said) {
        const line = put(list, "li");
        put(line, "code", measure);
        line.append(` ${qualifier === "exact" ? "" : qualifier + " "}${shown(value) ?? ""} 「${excerpt ?? ""}」`);
      }
    }
  };
  const SIGNS = { derived: "+", realigned: "~", lost: "?", illegible: "?", not_applicable: "" };
  const drawTable = (box, layout, cells, state) => {
    const heading = put(box, "h4", layout.title + " ");
    put(heading, "span", state ? word("table_state", state) : "", state === "complete" ? "soft" : "warn");
    if (!cells) return;
    let at = 0;
    for (const part of layout.parts) {
      const wide = put(box, "div", null, "wide");
      const table = put(wide, "table", null, "printed");
      table.dataset.table = layout.code;
      const head = put(table, "thead");
      part.head.forEach((level, number) => {
        const line = put(head, "tr");
        if (!number) put(line, "th", part.corner).rowSpan = part.head.length;
        for (const [label, columns, rows, english] of level) {
          const made = put(line, "th", label);
          made.colSpan = columns;
          made.rowSpan = rows;
          made.scope = "col";
          if (english) put(made, "small", english);
        }
      });
      const body = put(table, "tbody");
      for (const [label, depth, english] of part.lines) {
        const line = put(body, "tr");
        const made = put(line, "th", label, "d" + depth);
        made.scope = "row";
        if (english) put(made, "small", english.split(" · ").pop());
        for (let column = 0; column < part.columns; column += 1) drawCell(line, cells[at++]);
      }
    }
  };
  const drawCell = (line, cell) => {
    if (!Array.isArray(cell)) { put(line, "td", typeof cell === "number" ? shown(cell) : cell, "n"); return; }
    const [text, kind, mark, numbers, suggestion, corrected, note] = cell;
    const made = put(line, "td", text, "n" + (mark ? " m-" + mark : ""));
    made.title = [note, word("status", kind === "derived" ? "" : kind), kind === "derived" ? word("origin", kind) : ""].filter(Boolean).join(" · ");
    if (SIGNS[kind]) put(made, "b", SIGNS[kind], "info");
    if (mark === "error" || mark === "warn") put(made, "span", " ⚑", "flag");
    if (numbers.length) put(made, "sup", numbers.slice(0, 3).join(",") + (numbers.length > 3 ? "…" : ""));
    if (corrected) put(made, "ins", "⇒ " + corrected);
    if (suggestion) put(made, "ins", "→ " + suggestion);
  };
  const listFindings = (box, report) => {
    put(box, "h4", "发现的问题 findings");
    if (!report.findings.length) { put(box, "p", "没有未通过的核验 no check failed"); return; }
    const table = put(put(box, "div", null, "wide"), "table", null, "told");
    const head = put(put(table, "thead"), "tr");
    for (const label of ["", "程度 severity", "代码 check", "左边 left", "右边 right", "差额 difference", "说明 message"]) put(head, "th", label).scope = "col";
    const body = put(table, "tbody");
    report.findings.forEach(([severity, code, meaning, left, right, difference, message, settled], number) => {
      const line = put(body, "tr");
      put(line, "td", number + 1, "n");
      put(line, "td", short("severity", severity) + " " + severity, severity);
      put(put(line, "td"), "code", code).title = meaning;
      for (const figure of [left, right, difference]) put(line, "td", figure, "n");
      const told = put(line, "td", message);
      if (settled) put(told, "b", ` 已处理 settled: ${word("settled", settled)}`);
    });
    if (report.suggestions.length) {
      put(box, "h4", "更正建议 suggestions, never applied");
      const list = put(box, "ul");
      for (const [labels, printed, suggested, reason, rank] of report.suggestions) put(list, "li", `${labels}：${printed || "（空）"} → ${suggested} (${rank}) ${reason}`);
    }
  };

  // League tables.
  const offer = (choice, value, text) => {
    const made = put(choice, "option", text);
    made.value = value;
  };
  const offerMeasures = (choice, wanted) => {
    for (const one of index.measures) if (wanted(one)) offer(choice, one[0], `${one[1]} ${one[2]}（${one[3]}）`);
  };
  let rows = [];
  let drawn = 0;
  const isRate = (measure) => index.measures.some((one) => one[0] === measure && one[4] === "rates");
  const figureText = (measure, figure) => (isRate(measure) && figure !== null ? (100 * figure).toFixed(1) + "%" : shown(figure));
  const drawLeague = async () => {
    const measure = field("measure").value;
    const head = field("table").tHead;
    const body = field("table").tBodies[0];
    if (!field("year").value) { field("ranked").textContent = "没有报告 no reports"; return; }
    const asked = location.hash;
    const data = await load(`league/${field("year").value}/${measure}`);
    // Another table was asked for meanwhile.
    if (asked !== location.hash) return;
    const region = field("region").value;
    const basis = field("basis").value;
    const regions = field("of").value === "regions";
    const digits = (code) => (code.length === 9 ? code : code.replace(/(00)+$/, ""));
    const all = regions
      ? data.regions.map(([code, kind, figure, reports, known, doubted, absent]) => ({ code, kind, figure, flagged: doubted > 0, absent, reports, known, doubted }))
      : data.rows.map(([place, figure, flagged, absent, kind, letter, part, of]) => ({ place, code: index.agencies[place][5], figure, flagged: Boolean(flagged), absent, kind, letter, part, of }));
    rows = all.filter((row) => (!region || row.code.startsWith(region)) && (!basis || row.kind === basis) && !(field("clean").checked && row.flagged));
    const known = rows.filter((row) => row.figure !== null).sort((a, b) => b.figure - a.figure);
    known.forEach((row, at) => { row.rank = at && known[at - 1].figure === row.figure ? known[at - 1].rank : at + 1; });
    const unknown = rows.filter((row) => row.figure === null);
    rows = [...known, ...unknown];
    head.replaceChildren();
    body.replaceChildren();
    const labels = regions
      ? ["名次 place", "地区 region", "口径 basis", "数字 figure", "有数的报告 reports with it", "存疑 flagged"]
      : ["名次 place", "机关 agency", "地区 region", "口径 basis", "数字 figure", ...(isRate(measure) ? ["件数 cases"] : []), "等级 grade"];
    const line = put(head, "tr");
    for (const label of labels) put(line, "th", label).scope = "col";
    const flagged = known.filter((row) => row.flagged).length;
    field("ranked").textContent = `${known.length.toLocaleString("en")} 个有数 with a figure · ${flagged.toLocaleString("en")} 个存疑 flagged · ${unknown.length.toLocaleString("en")} 个无数 without (∅)`
      + (regions ? " · 地区报告与机关合计从不相加 a region's own report and its offices are never added" : "")
      + (regions && isRate(measure) ? " · 地区无此比率 no rates of regions" : "");
    drawn = 0;
    moreRows();
  };
  const moreRows = () => {
    const measure = field("measure").value;
    const regions = field("of").value === "regions";
    for (const row of rows.slice(drawn, drawn + 100)) {
      const line = put(field("table").tBodies[0], "tr");
      put(line, "td", row.rank, "n");
      if (regions) put(line, "td", regionOf(row.code) || row.code);
      else {
        const [id, name, , , , code, , reports] = index.agencies[row.place];
        const report = reports.find((one) => String(one[0]) === field("year").value);
        link(put(line, "td"), name, report ? { agency: id, report: report[1] } : { agency: id });
        put(line, "td", regionOf(code));
      }
      put(line, "td", short("basis", row.kind)).title = word("basis", row.kind);
      figureCell(line, figureText(measure, row.figure), row.flagged, row.absent);
      if (regions) { put(line, "td", `${row.known}/${row.reports}`, "n"); put(line, "td", row.doubted || "", "n"); }
      else {
        if (isRate(measure)) put(line, "td", row.of === null ? "∅" : `${shown(row.part) ?? "∅"}/${shown(row.of)}`, "n");
        grade(put(line, "td"), row.letter);
      }
    }
    drawn += 100;
    field("more").hidden = drawn >= rows.length;
  };

  // The address says what is shown.
  const LEAGUE = ["measure", "year", "of", "region", "basis"];
  const show = async () => {
    const said = new URLSearchParams(location.hash.slice(1));
    const part = said.has("agency") ? "agency" : said.has("sql") ? "sql" : said.has("league") ? "league" : "search";
    for (const name of ["search", "agency", "league", "sql"]) field("part-" + name).hidden = name !== part;
    for (const one of document.querySelectorAll("nav a")) {
      if (one.dataset.part === part) one.setAttribute("aria-current", "page"); else one.removeAttribute("aria-current");
    }
    try {
      if (part === "agency") await drawAgency(said.get("agency"), said.get("report"));
      if (part === "league") {
        for (const name of LEAGUE) if (said.has(name)) field(name).value = said.get(name);
        await drawLeague();
      }
      if (part === "search") {
        if (said.has("find")) field("find").value = said.get("find");
        listAgencies();
      }
      // Filled in, never run: a link must not run a query by itself.
      if (part === "sql" && said.get("sql")) field("query").value = said.get("sql");
      document.body.dataset.shown = location.hash || "#";
    } catch (error) {
      put(field("part-" + part), "p", error.message, "error");
    }
  };

  const begin = async () => {
    index = await load("index");
    names = index.agencies.map(([id, name, full, , , code, , reports]) => [name, full, regionOf(code), code, id, ...reports.map((one) => one[5])].join("\n").toLowerCase());
    const reports = index.agencies.reduce((sum, one) => sum + one[7].length, 0);
    field("built").textContent = `${index.agencies.length.toLocaleString("en")} 个机关 agencies · ${reports.toLocaleString("en")} 份报告 reports · gongkai ${index.version} · ${index.built} UTC`;
    offerMeasures(field("measure"), () => true);
    field("measure").value = "requests_granted";
    for (const year of [...index.years].reverse()) offer(field("year"), String(year), String(year));
    offer(field("region"), "", "全部地区 all regions");
    for (const [code, name] of Object.entries(index.regions).sort((a, b) => (a[0] < b[0] ? -1 : 1))) {
      if (code.length <= 6) offer(field("region"), code, "　".repeat(code.length / 2 - 1) + name.split(" ").pop());
    }
    offer(field("basis"), "", "全部口径 every basis");
    for (const basis of Object.keys(index.words.basis)) offer(field("basis"), basis, word("basis", basis));
    field("find").addEventListener("input", listAgencies);
    for (const name of [...LEAGUE, "clean"]) field(name).addEventListener("input", () => {
      history.replaceState(null, "", "#" + new URLSearchParams([["league", ""], ...LEAGUE.map((one) => [one, field(one).value])]));
      show();
    });
    field("more").addEventListener("click", moreRows);
    addEventListener("hashchange", () => { scrollTo(0, 0); show(); });
    await show();
  };
  addEventListener("DOMContentLoaded", () => {
    begin().catch((error) => put(field("main"), "p", error.message, "error"));
  });
  return { take, load, put, index: () => load("index") };
})();
