import tempfile
from pathlib import Path

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from activepick.session import Session, Settings

coordinates = st.floats(-1e6, 1e6)
targets = st.sampled_from([0, 1, None])


class Histories(RuleBasedStateMachine):
    """A session against a list of tables, one for each moment that undo can return to.

    A table holds labels by number, corners of areas by the micrograph's name, and rejected
    micrographs by the name in capitals.
    """

    @initialize()
    def create(self):
        self.temporary = tempfile.TemporaryDirectory()
        folder = Path(self.temporary.name)
        for name in "ab":
            (folder / name).write_text(name)
        self.session = Session.create(folder / "s", Settings(diameter_angstrom=100))
        self.session.micrographs.add([folder / "a", folder / "b"])
        self.moments, self.now = [{}], 0

    def become(self, table):
        if table != self.moments[self.now]:
            self.moments[self.now + 1 :] = [table]
            self.now += 1

    @property
    def table(self):
        return dict(self.moments[self.now])

    @property
    def ids(self):
        return sorted(i for i in self.table if isinstance(i, int))

    @rule(
        micrograph=st.sampled_from([1, 2]), xy=st.tuples(coordinates, coordinates), answer=targets
    )
    def add(self, micrograph, xy, answer):
        ids = self.session.labels.add(micrograph, [xy, xy], answer)
        self.become(self.table | dict.fromkeys(ids, (micrograph, *xy, answer)))

    @precondition(lambda self: self.ids)
    @rule(data=st.data())
    def remove(self, data):
        ids = data.draw(st.sets(st.sampled_from(self.ids), min_size=1))
        self.session.labels.remove(ids)
        self.become({i: v for i, v in self.table.items() if i not in ids})

    @precondition(lambda self: self.ids)
    @rule(data=st.data(), xy=st.tuples(coordinates, coordinates))
    def move(self, data, xy):
        i = data.draw(st.sampled_from(self.ids))
        self.session.labels.move(i, *xy)
        micrograph, _, _, target = self.table[i]
        self.become(self.table | {i: (micrograph, *xy, target)})

    @precondition(lambda self: self.ids)
    @rule(data=st.data(), answer=targets)
    def reclass(self, data, answer):
        ids = data.draw(st.sets(st.sampled_from(self.ids), min_size=1))
        self.session.labels.reclass(ids, answer)
        self.become(self.table | {i: (*self.table[i][:3], answer) for i in ids})

    @rule(micrograph=st.sampled_from([1, 2, None]))
    def clear(self, micrograph):
        self.session.labels.clear(micrograph)
        gone = {i for i in self.ids if micrograph in (None, self.table[i][0])}
        self.become({i: v for i, v in self.table.items() if i not in gone})

    @rule(micrograph=st.sampled_from([1, 2]), corners=st.lists(coordinates, max_size=4))
    def set_areas(self, micrograph, corners):
        polygon = [(x, -x) for x in corners] if len(corners) > 2 else None
        self.session.micrographs.set_areas(micrograph, [polygon] if polygon else [])
        name = "ab"[micrograph - 1]
        kept = {i: v for i, v in self.table.items() if i != name}
        self.become(kept | {name: polygon} if polygon else kept)

    @rule(micrograph=st.sampled_from([1, 2]), rejected=st.booleans())
    def reject(self, micrograph, rejected):
        self.session.micrographs.set_rejected(micrograph, rejected)
        name = "AB"[micrograph - 1]
        kept = {i: v for i, v in self.table.items() if i != name}
        self.become(kept | {name: True} if rejected else kept)

    @rule(name=st.sampled_from(["a:1", "a:2"]), xs=st.lists(coordinates, max_size=3))
    def leave_out(self, name, xs):
        picks = [(1, round(x, 2), 5.0) for x in xs]
        self.session.left_out.set(name, picks)
        kept = {i: v for i, v in self.table.items() if i != name}
        self.become(kept | {name: picks} if picks else kept)

    @rule(value=st.integers(1, 50))
    def change_settings(self, value):
        self.session.set_settings(batch=value)

    @precondition(lambda self: self.now > 0)
    @rule()
    def undo(self):
        self.session.undo()
        self.now -= 1

    @precondition(lambda self: self.now + 1 < len(self.moments))
    @rule()
    def redo(self):
        self.session.redo()
        self.now += 1

    @rule()
    def reopen(self):
        self.session.close()
        self.session = Session.open(self.session.folder)
        assert self.session.notices == []

    @invariant()
    def agrees(self):
        if hasattr(self, "session"):
            state = self.session.state
            found = {i: (m.micrograph, m.x, m.y, m.target) for i, m in state.marks.items()}
            found |= {"ab"[i - 1]: list(one.vertices) for i, (one,) in state.areas.items()}
            entries = state.micrographs.items()
            found |= {"AB"[i - 1]: True for i, one in entries if one.status == "rejected"}
            for name, own in state.left_out.items():
                found[name] = [(number, *xy) for number, all_xy in own.items() for xy in all_xy]
            assert found == self.table
            assert self.session.can_undo == (self.now > 0)
            assert self.session.can_redo == (self.now + 1 < len(self.moments))

    def teardown(self):
        if hasattr(self, "session"):
            self.session.close()
            self.temporary.cleanup()


TestHistories = Histories.TestCase
TestHistories.settings = settings(
    max_examples=20,
    stateful_step_count=25,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
