/* The SQL box: DuckDB in the browser where it lies beside the page, else the server that serves the page.
   Here: asking and drawing the answer. Not here: what a query may do (explore_server.py). */
"use strict";
(() => {
  const ROWS = 1000;
  const SECONDS = 30;
  const field = (id) => document.getElementById(id);
  const FIRST = "-- 2023年不予公开最多的机关 · who refused most in 2023, and how far to trust the figure\nselect place, agency_name, figure, is_flagged, errors, grade\nfrom league('requests_refused', 2023)\nlimit 20";

  // In the browser. The worker's own text stands here, since a page from disk may start one from memory only.
  const inWorker = (library) => {
    const fields = (text) => {
      // Every value is quoted, so that an empty text and no value differ.
      const lines = [];
      let line = [], at = 0;
      while (at < text.length) {
        if (text[at] === '"') {
          let value = "";
          for (at += 1; text[at] !== '"' || text[at + 1] === '"'; at += 1) { if (text[at] === '"') at += 1; value += text[at]; }
          line.push(value);
          at += 1;
        } else line.push(null);
        while (at < text.length && text[at] !== "," && text[at] !== "\n") at += 1;
        if (text[at] === "\n") { lines.push(line); line = []; }
        at += 1;
      }
      return lines;
    };
    let database, connection;
    const ask = (query) => {
      database.runQuery(connection, `copy (${query}\n) to 'answer.csv' (format csv, header, force_quote *, nullstr '')`);
      const text = new TextDecoder().decode(database.copyFileToBuffer("answer.csv"));
      database.dropFile("answer.csv");
      return fields(text);
    };
    onmessage = async ({ data }) => {
      try {
        if (data.module) {
          // The library asks for its module by address: it is given what is here, and nothing else.
          self.fetch = async () => new Response(data.module, { headers: { "Content-Type": "application/wasm" } });
          const scope = { exports: {} };
          // Its other half, results as Arrow, is not used: answers come as text.
          library(scope, scope.exports, () => ({}));
          const duckdb = scope.exports;
          const module = { mainModule: location.href };
          database = await duckdb.createDuckDB({ mvp: module, eh: module }, { log: () => {} }, duckdb.BROWSER_RUNTIME);
          await database.instantiate(() => {});
          database.registerFileBuffer("gongkai.duckdb", new Uint8Array(data.database));
          database.open({ path: "gongkai.duckdb", accessMode: 1 });
          connection = database.connect().useUnsafe((_, handle) => handle);
          postMessage({ ready: true });
          return;
        }
        const start = performance.now();
        const [names, ...rows] = ask(`select * from (${data.query}\n) limit ${data.rows + 1}`);
        let types = [];
        try {
          types = ask(`select column_type from (describe ${data.query}\n)`).slice(1).map((line) => line[0]);
        } catch { /* what describes something has no types of its own */ }
        postMessage({ columns: names, types, rows: rows.slice(0, data.rows), more: rows.length > data.rows, seconds: (performance.now() - start) / 1000 });
      } catch (error) {
        postMessage({ error: String(error.message || error) });
      }
    };
  };
  const unpack = async (name, count) => {
    const parts = [];
    for (let number = 0; number < count; number += 1) {
      const text = atob(await gongkai.load(`sql/${name}.${number}`, ""));
      parts.push(Uint8Array.from(text, (letter) => letter.charCodeAt(0)));
    }
    return new Response(new Blob(parts).stream().pipeThrough(new DecompressionStream("gzip"))).arrayBuffer();
  };
  let worker;
  const said = () => new Promise((done, fail) => {
    worker.onmessage = ({ data }) => done(data);
    worker.onerror = (event) => { event.preventDefault(); fail(new Error(event.message || "the worker stopped")); };
  });
  const start = async () => {
    const counts = await gongkai.load("sql/list", "");
    const library = await unpack("library", counts.library);
    const module = await unpack("module", counts.module);
    const database = await unpack("database", counts.database);
    const text = [`(${inWorker})((module, exports, require) => {\n`, library, "\n})"];
    worker = new Worker(URL.createObjectURL(new Blob(text, { type: "text/javascript" })));
    const ready = said();
    worker.postMessage({ module, database }, [module, database]);
    const answer = await ready;
    if (answer.error) {
      worker.terminate();
      worker = undefined;
      throw new Error(answer.error);
    }
  };
  const inBrowser = async (query) => {
    if (!worker) await start();
    const answer = said();
    worker.postMessage({ query: query.trim().replace(/;+$/, ""), rows: ROWS });
    let clock;
    const late = new Promise((done) => {
      clock = setTimeout(() => { worker.terminate(); worker = undefined; done({ error: `stopped after ${SECONDS} seconds` }); }, SECONDS * 1000);
    });
    const first = await Promise.race([answer, late]);
    clearTimeout(clock);
    return first;
  };
  const onServer = async (query) => {
    const answer = await fetch("sql", { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ sql: query }) });
    if (!answer.ok) return { error: await answer.text() };
    return answer.json();
  };

  const engines = {
    server: ["由本机的 DuckDB 回答 answered by DuckDB on this machine", onServer],
    wasm: ["由浏览器中的 DuckDB 回答，首次需片刻 answered by DuckDB in this browser; the first query takes a moment", inBrowser],
  };
  const run = async (ask) => {
    field("run").disabled = true;
    field("fault").textContent = "";
    field("answered").textContent = "…";
    const head = field("answer").tHead, body = field("answer").tBodies[0];
    head.replaceChildren();
    body.replaceChildren();
    let answer;
    try { answer = await ask(field("query").value); } catch (error) { answer = { error: error.message }; }
    field("run").disabled = false;
    if (answer.error) { field("answered").textContent = ""; field("fault").textContent = answer.error; return; }
    const line = gongkai.put(head, "tr");
    answer.columns.forEach((name, at) => { const made = gongkai.put(line, "th", name); made.scope = "col"; made.title = answer.types[at] || ""; });
    const figures = answer.columns.map((_, at) => /INT|DOUBLE|FLOAT|DECIMAL/.test(answer.types[at] || ""));
    for (const row of answer.rows) {
      const one = gongkai.put(body, "tr");
      row.forEach((value, at) => gongkai.put(one, "td", value ?? "NULL", value === null ? "null" : figures[at] ? "n" : ""));
    }
    field("answered").textContent = `${answer.rows.length}${answer.more ? "+" : ""} 行 rows · ${answer.seconds.toFixed(2)} s`;
  };
  gongkai.index().then(({ sql }) => {
    if (!field("query").value) field("query").value = FIRST;
    if (!engines[sql]) {
      field("engine").textContent = "此文件夹不含 DuckDB。请运行 gongkai explore，或以 gongkai explore --to 文件夹 --sql-from 包 重新生成。"
        + " This folder has no DuckDB: run `gongkai explore` and ask there, or write it again with `gongkai explore --to FOLDER --sql-from PACKAGE`.";
      field("run").disabled = true;
      return;
    }
    const [about, ask] = engines[sql];
    field("engine").textContent = about;
    field("run").addEventListener("click", () => run(ask));
    field("query").addEventListener("keydown", (event) => {
      if (event.key === "Enter" && (event.ctrlKey || event.metaKey) && !field("run").disabled) run(ask);
    });
  }).catch(() => {});
})();
