from app.visitors.exported import exported
from app.visitors.schemas import ExportedVisitor


def test_each_position_of_the_export_is_taken_once():
    columns = exported(ExportedVisitor).values()
    assert [column.position for column in columns] == list(range(1, len(columns) + 1))
