from activepick._napari.undo_texts import place_of_change, undo_text
from activepick.session import Session, Settings


def test_messages_describe_what_was_undone(tmp_path, files):
    with Session.create(tmp_path / "s", Settings(diameter_angstrom=100)) as session:
        session.micrographs.add(files)
        said = []

        def undo() -> None:
            change = session.next_undo
            said.append(undo_text("Undone", change.reversed(), session.state))
            place = place_of_change(change)
            session.undo()
            session.redo()
            assert place == place_of_change(change)

        [first] = session.labels.add(1, [(5, 6)], 1)
        undo()
        assert place_of_change(session.next_undo) == (1, (5.0, 6.0))
        session.labels.add_positions([(1, 1, 1), (2, 2, 2)], 0)
        undo()
        session.labels.move(first, 8, 9)
        undo()
        session.labels.reclass([first], -1)
        undo()
        session.labels.add(1, [(7, 7)], None)
        undo()
        session.micrographs.set_areas(2, [[(0, 0), (9, 0), (9, 9)]])
        undo()
        assert place_of_change(session.next_undo) == (2, None)
        session.left_out.set("a:1", [(1, 2, 3)])
        undo()
        session.left_out.put_back(["a:1"])
        undo()
        session.labels.replace([first], 1, [(1, 2), (3, 4)], 0)
        undo()
        session.labels.clear(1)
        undo()
        session.micrographs.set_rejected(3, True)
        undo()
        assert place_of_change(session.next_undo) == (3, None)
        session.micrographs.set_rejected(3, False)
        undo()
    names = [file.name for file in files]
    assert said == [
        f"Undone: particle on {names[0]}",
        "Undone: 2 non-particles on 2 micrographs",
        f"Undone: particle moved on {names[0]}",
        f"Undone: particle changed to empty position on {names[0]}",
        f"Undone: skipped position on {names[0]}",
        f"Undone: excluded areas on {names[1]}",
        "Undone: class left out of the picks",
        "Undone: class put back into the picks",
        f"Undone: empty position replaced on {names[0]}",
        f"Undone: 3 non-particles, 1 skipped position removed on {names[0]}",
        f"Undone: rejection of {names[2]}",
        f"Undone: un-rejection of {names[2]}",
    ]
