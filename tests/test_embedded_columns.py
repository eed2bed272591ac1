"""What a network with ``fcnet.Columns`` takes, keeps, shows and refuses."""

from __future__ import annotations

import copy
import pickle
import re

import numpy as np
import pytest

import fcnet as fc
from fcnet import _native, reference
from fcnet._model.layer_spec import LayerSpec
from fcnet._saving import safetensors

from bounds import flat
from embeddings import COLUMNS, all_of, arrays_of, data, network
from interop import library
from walks import walk


@pytest.fixture(params=COLUMNS)
def columns(request):
    return COLUMNS[request.param]


def test_what_is_not_defined_for_columns_is_refused_by_name():
    x, y = data(COLUMNS["both"], 12)
    net = network()
    outputs, back = net.vjp(x)
    for call in (
        lambda: net.hvp(x, outputs, x),
        lambda: net.laplacian(x),
        lambda: back(outputs, per_sample=True),
        lambda: net.explain(x, y),
    ):
        with pytest.raises(ValueError, match=re.escape("the network has fcnet.Columns")):
            call()


def test_diagnose_counts_embeddings_in():
    columns = COLUMNS["both"]
    x, y = data(columns, 30)
    net = network(scaled=True, dtype="float64")
    embedded = reference.embed(x, arrays_of(net), **columns.embedding_of_rows())
    folded = fc.Network([columns.features, fc.Scale(), 33, 18, 3], activation="tanh", dtype="float64")
    for layer, plain in zip(net.layers, folded.layers, strict=True):
        plain.W, plain.B = layer.W, layer.B
    folded.layers[0].scale = net.layers[0].scale
    found, expected = net.diagnose(x, y), folded.diagnose(embedded, y)
    assert found.loss == pytest.approx(expected.loss, rel=1e-12)
    assert found.inputs.std == pytest.approx(expected.inputs.std, rel=1e-12)
    for a, b in zip(found.layers, expected.layers, strict=True):
        assert a.outputs.std == pytest.approx(b.outputs.std, rel=1e-12)
    x[:, 0] *= 1000
    assert "adapt(x)" in str(net.diagnose(x, y))
    network(COLUMNS["one table"]).diagnose(*data(COLUMNS["one table"], 9))


@pytest.mark.parametrize("optimizer", [fc.SGD(0.1), fc.Adam(), fc.SGD(0.1, clip_norm=0.1)], ids=repr)
def test_gradients_can_be_applied(columns, optimizer, dtype):
    x, y = data(columns, 60)
    by_batch, by_layers, by_flat = nets = [network(columns, scaled=True, dtype=dtype) for _ in range(3)]
    for _ in range(3):
        by_batch.train_on_batch(x, y, optimizer=optimizer)
        by_layers.apply_gradients(by_layers.gradients(x, y), optimizer=optimizer)
        by_flat.apply_gradients(fc.Gradients(by_flat.gradients(x, y)).flat, optimizer=optimizer)
    exact = optimizer.clip_norm == np.inf
    for net in nets[1:]:
        assert (net.parameters == by_batch.parameters).all() or not exact
        np.testing.assert_allclose(net.parameters, by_batch.parameters, rtol=1e-5, atol=1e-6)
    gradients = by_batch.gradients(x, y)
    with pytest.raises(
        ValueError, match=r"gradients are of 3 layers: expected 4, of which the last is that of the col"
    ):
        by_batch.apply_gradients(gradients[:-1])
    with pytest.raises(ValueError, match="there are 0 arrays of columns"):
        by_batch.apply_gradients([*gradients[:-1], ()])


def test_parameters_are_flat_in_the_order_of_the_layers_and_then_the_columns(columns, dtype):
    net = network(columns, scaled=True, dtype=dtype)
    expected = np.concatenate([part.ravel() for part in flat(all_of(net))]).astype(dtype)
    assert (net.parameters == expected).all()
    net.parameters = np.arange(len(expected))
    assert (net.parameters == np.arange(len(expected))).all()
    assert f" {len(expected):,}\n" in net.summary()
    clipped, norm = fc.clip_by_norm(net.gradients(*data(columns)), 1e-3)
    assert norm > 1e-3
    assert [len(parts) for parts in clipped] == [len(parts) for parts in all_of(net)]


def test_parameters_are_copied_and_blended_between_networks_with_the_same_columns():
    one, other = network(dtype="float64"), network(dtype="float64")
    other.parameters = np.random.default_rng(0).standard_normal(len(other.parameters))
    expected = one.parameters + 0.25 * (other.parameters - one.parameters)
    one.blend(other, 0.25)
    np.testing.assert_allclose(one.parameters, expected, rtol=1e-13)
    one.copy_parameters(other)
    assert (one.parameters == other.parameters).all()
    size = COLUMNS["both"].features
    for columns in (size, fc.Columns(numbers=size - 15, categories=[4, 7, 9], embedding_size=5)):
        with pytest.raises(ValueError, match="other has the columns"):
            fc.Network([columns, 33, 18, 3], activation="tanh", dtype="float64").copy_parameters(other)


def test_two_fits_are_one_longer_fit_through_files_and_pickles(columns, dtype, tmp_path):
    x, y = data(columns)
    options = {"optimizer": fc.Adam(), "averaging": fc.EMA(0.9), "batch_size": 16}
    whole, half = (fc.Network([columns, fc.Scale(), 20, 3], seed=1, dtype=dtype) for _ in range(2))
    whole.fit(x, y, epochs=4, **options)
    half.columns.trainable = True
    half.fit(x, y, epochs=2, early_stopping=None, **options)
    half.save(tmp_path / "half.safetensors")
    for again in (pickle.loads(pickle.dumps(half)), copy.deepcopy(half), fc.load(tmp_path / "half.safetensors"), half):
        assert repr(again) == repr(half)
        assert again.columns.specification == columns
        again.fit(x, y, epochs=2, **options)
        assert pickle.dumps(all_of(again)) == pickle.dumps(all_of(whole))
        assert (again.predict(x) == whole.predict(x)).all()


def test_best_weights_of_early_stopping_have_the_columns(tmp_path):
    columns = COLUMNS["both"]
    x, y = data(columns)
    net = network()
    stopping = fc.EarlyStopping(patience=1, restore_best=True)
    net.fit(x, y, epochs=6, validation_data=(x, 2 - y), optimizer=fc.Adam(0.1), early_stopping=stopping)
    net.save(tmp_path / "best.safetensors")
    assert fc.load(tmp_path / "best.safetensors").evaluate(x, y) == net.evaluate(x, y)


def test_only_files_with_columns_have_the_version_that_knows_them(tmp_path):
    fc.Network([5, 4, 3], seed=1).save(tmp_path / "without.safetensors")
    network(scaled=True).save(tmp_path / "with.safetensors")
    tensors, metadata = safetensors.read(tmp_path / "with.safetensors")
    assert metadata["version"] == "5"
    assert tensors["layers.columns.tables"].shape == (13, 5)
    assert safetensors.read(tmp_path / "without.safetensors")[1]["version"] == "3"
    assert "columns" not in fc.Network([5, 4, 3]).__getstate__()


def test_codes_are_checked_wherever_x_comes_in(tmp_path):
    columns = COLUMNS["both"]
    x, y = data(columns, 40)
    net = network()
    for value, shown in ((5, "5.0"), (-1, "-1.0"), (1.5, "1.5")):
        wrong = x.copy()
        wrong[7, 5] = value
        message = re.escape(f"contains {shown} in row 7, column 5, a column of codes: expected a whole number from 0 ")
        for call in (
            lambda x=wrong: net.predict(x),
            lambda x=wrong: net.predict(x.astype(np.float32)),
            lambda x=wrong: net.predict(x[:8]),
            lambda x=wrong: net.predict(iter([x])),
            lambda x=wrong: net.evaluate(x, y),
            lambda x=wrong: net.fit(x, y),
            lambda x=wrong: net.fit([(x, y)]),
            lambda x=wrong: net.train_on_batch(x, y),
            lambda x=wrong: net.gradients(x, y),
            lambda x=wrong: net.vjp(x),
            lambda x=wrong: net.adapt(x),
            lambda x=wrong: network().activations(x),
        ):
            with pytest.raises(ValueError, match=message):
                call()
    x[3, 6] = np.nan
    with pytest.raises(ValueError, match="contains nan in row 3, column 6"):
        net.predict(x)
    with pytest.raises(ValueError, match="contains nan in row 3, column 6"):
        net.fit(x, y)


def test_steps_on_plain_arrays_look_at_codes(dtype):
    columns = COLUMNS["both"]
    x, y = data(columns, 40)
    x = x.astype(dtype)
    net = network(dtype=dtype)
    for _ in range(3):
        net.train_on_batch(x, y)
    before = net.parameters
    x[2, 5] = 5
    with pytest.raises(ValueError, match="row 2, column 5"):
        net.train_on_batch(x, y)
    assert (net.parameters == before).all()


@walk("kind", ["f2", "f4", "f8", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8"])
def test_codes_may_have_any_type_of_numbers(kind):
    columns = fc.Columns(others=1, categories=[40, 100])
    x, y = data(columns, 50)
    x[:, 0] = np.arange(50)
    nets = [fc.Network([columns, 4, 3], seed=1) for _ in range(2)]
    for net, rows in zip(nets, (x, x.astype(kind)), strict=True):
        net.fit(rows, y, epochs=2)
    assert (nets[0].parameters == nets[1].parameters).all()
    wrong = x.astype(kind)
    wrong[1, 2] = 101
    with pytest.raises(ValueError, match="contains 101(.0)? in row 1, column 2"):
        nets[0].predict(wrong)


def test_codes_that_change_after_the_check_never_lead_out_of_a_table(isa):
    columns = COLUMNS["one table"]
    net = network(columns)
    codes = np.array([[-1], [41], [1e30], [-np.inf], [np.inf], [np.nan], [-1e30], [40.0], [3.0]])
    unknown = net.predict([[0.0]])[0]
    found = net._state.model.predict(codes)
    assert (found[:7] == unknown).all()
    assert (found[7:] == net.predict(codes[7:])).all()


@pytest.mark.interop
def test_sparse_rows_are_refused_and_tables_name_their_columns():
    sparse, pandas = library("scipy.sparse"), library("pandas")
    columns = COLUMNS["both"]
    x, y = data(columns, 40)
    net = network()
    with pytest.raises(TypeError, match=re.escape("x is sparse, but the network embeds its columns (fcnet.Columns)")):
        net.predict(sparse.csr_array(x))
    frame = pandas.DataFrame(x, columns=list("abcdefg"))
    net.fit(frame, y, epochs=1)
    assert net.feature_names == tuple("abcdefg")
    frame.loc[5, "g"] = 9
    with pytest.raises(ValueError, match="row 5, column 'g'"):
        net.predict(frame)


def test_numbers_are_standardised_and_codes_left_alone():
    columns = COLUMNS["both"]
    x, y = data(columns, 90)
    x[:, :5] = 100 + 7 * x[:, :5]
    net = network(dtype="float64")
    net.adapt(x)
    np.testing.assert_allclose(net.scale, [*(1 / x[:, :5].std(axis=0)), 1, 1])
    np.testing.assert_allclose(net.offset, [*x[:, :5].mean(axis=0), 0, 0])
    standardised = (x - net.offset) * net.scale
    np.testing.assert_allclose(net.predict(x), network(dtype="float64").predict(standardised), rtol=1e-10)
    net.fit(x, y, epochs=1)
    for options in ({"scale": 2}, {"offset": 1}, {"scale": [2] * 7}):
        with pytest.raises(ValueError, match=re.escape(f"{next(iter(options))} changes codes of categories")):
            network(**options)
    fc.Network([fc.Columns(2, embedding=fc.Periodic()), 3, 2], scale=1 / 255, offset=3).predict([[1, 2]])


def test_arrays_are_read_set_and_shown():
    net = network()
    own = net.columns
    assert own.frequencies.shape == own.phases.shape == (3, 16)
    assert own.W.shape == (3, 16, 3)
    assert own.B.shape == (3, 3)
    assert [table.shape for table in own.tables] == [(5, 5), (8, 5)]
    own.W = 2 * own.W
    own.tables = [np.zeros((5, 5)), np.ones((8, 5))]
    assert own.tables[1].sum() == 40
    with pytest.raises(ValueError, match=re.escape("W has shape (3,): expected (3, 16, 3)")):
        own.W = [1, 2, 3]
    with pytest.raises(ValueError, match=re.escape("tables[1] has shape (5, 5): expected (8, 5)")):
        own.tables = [np.zeros((5, 5))] * 2
    with pytest.raises(ValueError, match="expected a sequence of arrays"):
        own.tables = np.zeros((13, 5))
    with pytest.raises(ValueError, match="read-only"):
        own.B[0] = 1
    with pytest.raises(AttributeError, match="has no phases"):
        network(COLUMNS["tables"]).columns.phases  # noqa: B018
    with pytest.raises(AttributeError, match="has no tables"):
        network(COLUMNS["numbers"]).columns.tables = []
    text = "Columns(numbers=3, others=2, embedding=Periodic(), categories=[4, 7], embedding_size=5)"
    assert repr(net).startswith(f"Network([{text}, Dense(33, activation='tanh'), ")
    assert repr(own) == f"EmbeddedColumns({text})"
    own.freeze()
    assert repr(own) == f"EmbeddedColumns({text}, frozen)"
    assert re.search(r"columns +\(n, 24\)  3 numbers by Periodic\(\), 2 others, 2 tables, frozen +314\n", net.summary())
    assert net.sizes == (7, 33, 18, 3)
    assert fc.Network([5, 3]).columns is None


def test_columns_without_embeddings_are_a_number_of_inputs():
    net = fc.Network([fc.Columns(numbers=3, others=2), 4, 2], seed=1)
    assert repr(net) == repr(fc.Network([5, 4, 2], seed=1))
    assert net.columns is None


@pytest.mark.interop
def test_a_network_is_drawn_with_what_goes_into_its_first_layer(pyplot):
    figure = fc.plot.network(network())
    assert "embedded columns\n24" in [text.get_text() for text in figure.axes[0].texts]


def test_a_network_with_columns_that_diverges_says_where():
    columns = fc.Columns(1, embedding=fc.Periodic(), categories=[2])
    net = fc.Network([columns, 4, 1], loss="mse", seed=1)
    with pytest.raises(fc.DivergenceError, match=r"layers\[\d\] reach"):
        net.fit([[1, 1], [2, 0]], [1e3, -1e3], epochs=50, optimizer=fc.SGD(10))


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: fc.Columns(), ValueError, "there are no columns: expected numbers, others or categories"),
        (lambda: fc.Columns(-1), ValueError, "numbers is -1"),
        (lambda: fc.Columns(1.5), TypeError, "numbers is 1.5: expected a whole number"),
        (lambda: fc.Columns(2, embedding="periodic"), TypeError, "embedding is 'periodic': expected fcnet.Periodic()"),
        (lambda: fc.Columns(others=2, embedding=fc.Periodic()), ValueError, "numbers is 0, and embedding is given"),
        (
            lambda: fc.Columns(categories=5),
            TypeError,
            "categories is 5: expected a number of categories for each column",
        ),
        (lambda: fc.Columns(categories=[5, 0]), ValueError, "categories[1] is 0: expected at least 1"),
        (lambda: fc.Columns(categories=[5], embedding_size=0), ValueError, "embedding_size is 0"),
        (lambda: fc.Periodic(0), ValueError, "frequencies is 0: expected from 1 to 128"),
        (lambda: fc.Periodic(size=129), ValueError, "size is 129: expected from 1 to 128"),
        (lambda: fc.Periodic(sigma=0), ValueError, "sigma is 0: expected a positive, finite number"),
        (lambda: fc.Columns(number=3), TypeError, "numbers"),
        (
            lambda: fc.Network([3, fc.Columns(2), 1]),
            TypeError,
            "sizes[1] is Columns(numbers=2): expected a whole number",
        ),
        (
            lambda: fc.Network([fc.Columns(categories=[2**24 + 1], embedding_size=1), 2]),
            ValueError,
            "categories[0] is 16777217: expected at most 16777216 for float32; dtype='float64' takes more",
        ),
        (
            lambda: fc.Network([fc.Columns(categories=[2**31] * 2**10, embedding_size=1024), 2], dtype="float64"),
            (OverflowError, MemoryError),
            "memory",
        ),
    ],
)
def test_what_is_wrong_is_named(make, error, message):
    with pytest.raises(error, match=re.escape(message)):
        make()


def test_the_native_core_refuses_columns_that_do_not_fit():
    def model(numbers, others, embedding, categories=(), table_size=0, inputs=4):
        kinds, factors = [LayerSpec("identity").native()], ((1.0, None), (1.0, None))
        name, frequencies, size, *options = embedding
        own = name, frequencies, size, *(options or (False, False, False, []))
        columns = numbers, others, own, list(categories), table_size, factors
        return _native.Model([inputs, 1], kinds, "mse", 0.0, "float32", 0, columns=columns)

    none, bins = ("none", 0, 0), [[0.0, 1.0, 2.0]]
    model(1, 0, ("periodic", 4, 3))
    model(1, 0, ("plr", 64, 4, True, True, False, []))
    model(1, 0, ("piecewise_linear", 0, 4, False, False, True, bins))
    for given in (
        (1, 0, ("periodic", 4, 2)),
        (0, 4, ("periodic", 4, 3)),
        (1, 0, ("periodic", 129, 3)),
        (1, 0, ("periodic", 0, 3)),
        (1, 0, ("periodic", 4, 3, True, False, False, [])),
        (1, 0, ("periodic", 4, 3, False, True, False, [])),
        (1, 0, ("periodic", 4, 3, False, False, False, bins)),
        (1, 0, ("plr", 65, 4, True, False, False, [])),
        (1, 0, ("plr", 2**63, 4, True, False, False, [])),
        (1, 0, ("plr", 4, 4, True, False, True, [])),
        (1, 0, ("piecewise_linear", 0, 4)),
        (1, 0, ("piecewise_linear", 4, 4, False, False, False, bins)),
        (1, 0, ("piecewise_linear", 0, 4, False, True, False, bins)),
        (1, 0, ("piecewise_linear", 0, 4, True, False, True, bins)),
        (1, 0, ("piecewise_linear", 0, 4, False, False, False, [*bins, *bins])),
        (1, 0, ("piecewise_linear", 0, 4, False, False, False, [[0.0]])),
        (1, 0, ("piecewise_linear", 0, 4, False, False, False, [[0.0, 0.0]])),
        (1, 0, ("piecewise_linear", 0, 4, False, False, False, [[0.0, np.inf]])),
        (1, 0, ("piecewise_linear", 0, 4, False, False, False, [list(map(float, range(130)))])),
        (4, 0, none),
        (1, 0, ("none", 4, 3)),
        (0, 0, none, [0], 4),
        (0, 0, none, [3], 0),
        (0, 0, ("other", 0, 0), [3], 4),
        (2**62, 0, ("periodic", 4, 3)),
        (0, 0, none, [2**62], 4),
    ):
        with pytest.raises((ValueError, OverflowError)):
            model(*given)
