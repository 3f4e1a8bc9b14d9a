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
        # Those of a rejected micrograph go away, and come back with it.
        session.micrographs.set_status(2, "rejected")
        assert session.state.questions == tuple(new)
        session.micrographs.set_status(2, "seen")
        assert session.state.questions == (old[1], *new)
        state = session.state
    with Session.open(folder) as again:
        assert again.state.questions == state.questions
        assert again.question(old[0].id) == old[0]
