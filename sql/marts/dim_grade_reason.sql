-- about: 质量等级规则 · what brings a report to a grade; without any of these it is an A
-- grain: reason
select *
from (
    values
        ('nothing_wrong', 'A', '三张表完整，未发现问题', 'all tables whole, nothing found'),
        ('warnings', 'B', '有未处理的提示', 'unsettled findings of severity warn'),
        ('put_back', 'B', '有数字由勾稽关系归位或推得', 'figures put back into their columns, or derived, by the identities'),
        ('corrected', 'B', '有数字经人工更正', 'figures that a person corrected'),
        ('cells_unknown', 'C', '有单元格缺失或不可辨认', 'cells that are lost or illegible, with no figure'),
        ('table_not_whole', 'C', '有表不完整或空白', 'a table that is partial or blank'),
        ('sum_broken', 'D', '表内勾稽关系不成立', 'an identity that the form prints is broken'),
        ('table_absent', 'E', '有表缺失、仅表头或未读出', 'a table that is missing, a header only, or a picture that was not read')
) as rules (reason, grade, label, label_en)
