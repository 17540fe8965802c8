-- about: 全文检索 · sections of reports' text that hold every one of these words, best first
-- parameters: words
-- example: from search_sections('政策解读 新媒体') limit 20
-- cautions: text_as_read
with

-- any script: a word is what stands between spaces, found wherever it stands in a text; no word list is needed
terms as (

    select distinct unnest(string_split_regex(trim(lower(translate($words, '０１２３４５６７８９', '0123456789'))), '[\s　]+')) as term

),

texts as (

    select
        report_id,
        position,
        -- letters of one kind, and no spaces inside words that a page broke apart
        lower(translate(fact_section.text, '０１２３４５６７８９ 　' || chr(9) || chr(13), '0123456789')) as folded,
    from fact_section
    where fact_section.text <> ''

),

found as materialized (

    select
        texts.report_id,
        texts.position,
        texts.folded,
        terms.term,
        (length(texts.folded) - length(replace(texts.folded, terms.term, ''))) / length(terms.term) as occurrences,
    from texts
    join terms on terms.term <> '' and contains(texts.folded, terms.term)

),

-- Okapi BM25 over the sections, k1 = 1.2, b = 0.75
ranked as (

    select
        found.report_id,
        found.position,
        any_value(found.folded) as folded,
        arg_max(found.term, found.occurrences) as term,
        sum(
            ln(1 + (sizes.sections - spread.sections + 0.5) / (spread.sections + 0.5))
            * found.occurrences * 2.2
            / (found.occurrences + 1.2 * (0.25 + 0.75 * length(found.folded) / sizes.mean_length))
        ) as score,
    from found
    join (select term, count(*) as sections from found group by term) as spread using (term)
    cross join (select count(*) as sections, avg(length(fact_section.text)) as mean_length
        from fact_section where fact_section.text <> '') as sizes
    group by found.report_id, found.position
    having count(*) = (select count(*) from terms where term <> '')

)

select
    fact_section.section,
    fact_section.title,
    dim_report.agency_name,
    dim_report.report_year,
    ranked.folded[
        greatest(1, strpos(ranked.folded, ranked.term) - 30):strpos(ranked.folded, ranked.term) + length(ranked.term) + 30
    ] as snippet,
    round(ranked.score, 6) as score,
    ranked.report_id,
    ranked.position,
    fact_section.locator,
from ranked
join fact_section using (report_id, position)
join dim_report using (report_id)
order by score desc, ranked.report_id, ranked.position
