from activepick.session import Session, Settings


def test_questions_of_earlier_rounds_are_asked_again(tmp_path, files):
    folder = tmp_path / "s.activepick"
    with Session.create(folder, Settings(diameter_angstrom=100)) as session:
        session.micrographs.add(files)
        old = session.questions.ask([(1, 1, 1, 0.5), (2, 2, 2, -0.5)])
        for question in old:
            session.questions.answer(question.id, 1)
        new = session.questions.ask([(3, 3, 3, 0.1)])
        session.undo()
        assert session.questions.ask_again([old[1].id, 99]) == [old[1]]
        assert session.state.questions == (old[1], *new)
        assert session.questions.ask_again([new[0].id]) == []
        session.redo()
        assert session.state.questions == tuple(new)
        session.undo()
        # Those of a rejected micrograph disappear, and return when it is restored.
        session.micrographs.set_rejected(2, True)
        assert session.state.questions == tuple(new)
        session.micrographs.set_rejected(2, False)
        assert session.state.questions == (old[1], *new)
        state = session.state
    with Session.open(folder) as again:
        assert again.state.questions == state.questions
        assert again.question(old[0].id) == old[0]


def test_a_confirmed_patch_answers_the_questions_in_the_patch(tmp_path, files):
    folder = tmp_path / "s.activepick"
    with Session.create(folder, Settings(diameter_angstrom=100)) as session:
        session.micrographs.add(files)
        here, near, far, other = session.questions.ask(
            [(1, 10, 10, 0.5), (1, 30, 34, 0.1), (1, 90, 90, 0.1), (2, 10, 10, 0.1)]
        )
        ids = session.labels.add_patch(1, [(30, 30), (10, 10), (31, 31)], [1, 0, 1], 0.5, reach=4)
        assert session.state.questions == (far, other)
        marks = session.state.marks
        assert [(marks[i].x, marks[i].target) for i in ids] == [(30, 1), (10, 0), (31, 1)]
        assert {marks[i].weight for i in ids} == {0.5}
        assert (ids[1], ids[2]) == (here.id, near.id)
        session.undo()
        assert session.state.questions == (here, near, far, other)
        assert not session.state.marks
