"""Mixture lists: rendered at the SNR of the list, refused in one line where they cannot be."""

from pathlib import Path

import numpy as np
import pytest
import soundfile

from joint.data.corpus import Corpus, Utterance
from joint.errors import AudioError, DataError
from tasks.extraction.mixtures import MixtureList, MixtureRow
from tasks.extraction.rendering import interferer_gain, render

HEADER = "mix_id,target,interferer,enrollment,snr_db\n"
THIRD = f"{HEADER[:-1]},second_interferer,second_snr_db\n"
OPTIONS = f"{HEADER[:-1]},gain_db,enrollment_samples,mode,sample_rate\n"


def written(folder: Path, text: str) -> Path:
    path = folder / "list.csv"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.fixture
def folder(tmp_path: Path) -> Corpus:
    """Two recordings each of two speakers, float WAV of 0.5 to 0.8 s."""
    random = np.random.default_rng(0)
    people = {}
    for number, name in enumerate(("a1", "a2", "b1", "b2")):
        waveform = 0.05 * (number + 1) * random.normal(size=8000 + 1600 * number)
        path = tmp_path / f"{name}.wav"
        soundfile.write(path, waveform.clip(-1, 1), 16_000, subtype="FLOAT")
        people[name] = Utterance(name, path, name[0], "WORDS")
    return Corpus(list(people.values()), tmp_path)


def test_target_plus_scaled_interferer(folder: Corpus):
    """Both cut to the shorter one; the target as recorded, the interferer at the SNR of the row."""
    for snr_db in (-5.0, 0.0, 1.4, 12.5):
        rendered = render(MixtureRow("m", "b1", "a1", "b2", snr_db), folder)
        s, n, enrollment = (
            soundfile.read(folder.by_id[name].path)[0] for name in ("b1", "a1", "b2")
        )
        length = min(len(s), len(n))
        assert length == 8000 and len(rendered.enrollment) == len(enrollment)
        s, n = s[:length], n[:length]
        gain = rendered.interference / n
        assert np.allclose(gain, gain.mean(), rtol=1e-4) and gain.mean() > 0
        assert np.array_equal(rendered.reference, s.astype(np.float32))
        assert np.array_equal(rendered.mixture, rendered.reference + rendered.interference)
        assert all(waveform.dtype == np.float32 for waveform in rendered[:4])
        assert not rendered.target_whole
        power = [np.mean(w.astype(np.float64) ** 2) for w in rendered[1:3]]
        assert 10 * np.log10(power[0] / power[1]) == pytest.approx(snr_db, abs=0.01)


def test_a_third_speaker(folder: Corpus):
    """Each at its SNR over what is left of the shortest of the three."""
    row = MixtureRow("m", "b1", "a1", "b2", 3.0, second_interferer="b2", second_snr_db=-2.0)
    rendered = render(row, folder)
    first, second = rendered.interferers
    assert len(rendered.mixture) == 8000
    assert np.allclose(rendered.interference, first + second, atol=1e-6)
    assert np.array_equal(rendered.mixture, rendered.reference + rendered.interference)
    powers = [np.mean(w.astype(np.float64) ** 2) for w in (rendered.reference, first, second)]
    assert 10 * np.log10(powers[0] / powers[1]) == pytest.approx(3.0, abs=0.01)
    assert 10 * np.log10(powers[0] / powers[2]) == pytest.approx(-2.0, abs=0.01)


def test_a_target_that_ends_first_is_whole(folder: Corpus):
    assert render(MixtureRow("m", "a1", "b1", "a2", 0), folder).target_whole


@pytest.mark.parametrize("snr_db", [-30, 0, 17.3, 60])
def test_the_asked_level_whatever_the_scale_of_the_recordings(snr_db: float):
    random = np.random.default_rng(1)
    loud = random.normal(size=30_000).astype(np.float32)
    quiet = (1e-4 * random.normal(size=20_000)).astype(np.float32)
    for target, interferer in ((loud, quiet), (quiet, loud)):
        gain = interferer_gain(target, interferer, snr_db)
        both = target[:20_000], gain * interferer[:20_000]
        power = [np.mean(w.astype(np.float64) ** 2) for w in both]
        assert 10 * np.log10(power[0] / power[1]) == pytest.approx(snr_db, abs=0.01)


def test_levels_lengths_and_rates_of_a_row(folder: Corpus):
    def rendered(**fields: object):
        return render(MixtureRow("m", "b1", "a1", "b2", 3.0, **fields), folder)

    plain, louder = rendered(), rendered(gain_db=6.0, enrollment_gain_db=-20.0)
    for field, factor in (("mixture", 10**0.3), ("reference", 10**0.3), ("enrollment", 0.1)):
        assert np.allclose(getattr(louder, field), factor * getattr(plain, field), atol=1e-5)
    longest = rendered(mode="max")
    target = folder.by_id["b1"].waveform()
    assert len(longest.mixture) == len(target) == 11_200 and longest.target_whole
    assert np.array_equal(longest.reference, target)
    assert np.array_equal(longest.interference[:8000], plain.interference)
    assert not longest.interference[8000:].any()
    assert np.array_equal(rendered(enrollment_samples=4001).enrollment, plain.enrollment[:4001])
    narrow = rendered(sample_rate=8_000, enrollment_samples=4001, mode="max")
    assert len(narrow.mixture) == 5600 and len(narrow.enrollment) == 2001
    # Half the samples of noise have half of its band: half the power at the same level.
    power = [np.mean(np.square(w, dtype=np.float64)) for w in (narrow.reference, target)]
    assert power[0] / power[1] == pytest.approx(0.5, rel=0.1)


def test_a_voice_that_is_silent_where_both_speak(folder: Corpus):
    with pytest.raises(ValueError, match="silent interferer"):
        interferer_gain(np.ones(5000, np.float32), np.zeros(9000, np.float32), 0)
    late = np.concatenate([np.zeros(8000), 0.1 * np.ones(4000)])
    soundfile.write(folder.by_id["b1"].path, late, 16_000, subtype="FLOAT")
    with pytest.raises(AudioError, match="mix7: found a silent target"):
        render(MixtureRow("mix7", "b1", "a1", "b2", 0), folder)


def test_a_list_is_read_and_checked(folder: Corpus, tmp_path: Path):
    text = "snr_db,mix_id,target,note,interferer,enrollment\n-1.50,m0,a1,x,b1,a2\n0,m1,b1,y,a1,b2\n"
    mixtures = MixtureList.load(written(tmp_path, text))
    assert next(iter(mixtures)) == MixtureRow("m0", "a1", "b1", "a2", -1.5)
    assert len(mixtures) == 2 and mixtures.sample_rate == 16_000
    mixtures.check(folder)
    text = OPTIONS + "m0,a1,b1,a2,0,-1.5,900,max,8000\nm1,b1,a1,b2,0,,,,8000\n"
    mixtures = MixtureList.load(written(tmp_path, text))
    options = {"gain_db": -1.5, "enrollment_samples": 900, "mode": "max", "sample_rate": 8_000}
    assert mixtures.rows[0] == MixtureRow("m0", "a1", "b1", "a2", 0, **options)
    assert mixtures.rows[1] == MixtureRow("m1", "b1", "a1", "b2", 0, sample_rate=8_000)
    assert mixtures.sample_rate == 8_000
    text = THIRD + "m0,a1,b1,a2,0,c1,2.5\nm1,b1,a1,b2,0,,\n"
    three, two = MixtureList.load(written(tmp_path, text)).rows
    assert three.interferers == (("b1", 0.0), ("c1", 2.5)) and two.interferers == (("a1", 0.0),)
    with pytest.raises(DataError, match="m0: found unknown utterance c1"):
        MixtureList(tmp_path, (three,)).check(folder)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "no column mix_id"),
        (HEADER, "no rows"),
        ("mix_id,target,interferer,enrollment\nm,a1,b1,a2\n", "no column snr_db"),
        (HEADER + "m,a1,b1,a2,loud\n", r"list.csv:2: found snr_db 'loud'"),
        (HEADER + "m,a1,b1,a2,nan\n", "snr_db 'nan'"),
        (HEADER + "m,a1,b1,a2\n", "nothing under snr_db"),
        (HEADER + "m,a1,b1,a2,0\nn,a1,b1,a2,0,5\n", "csv:3: found 6 fields; expected 5"),
        (HEADER + "m,a1,,a2,0\n", "nothing under interferer"),
        (HEADER + "../m,a1,b1,a2,0\n", "without folders"),
        (HEADER + "m,a1,b1,a2,0\nm,a1,b1,a2,1\n", "m repeated"),
        (OPTIONS + "m,a1,b1,a2,0,loud,,,\n", "csv:2: found gain_db 'loud'; expected a number"),
        (OPTIONS + "m,a1,b1,a2,0,,half,,\n", "enrollment_samples 'half'; expected a number of s"),
        (OPTIONS + "m,a1,b1,a2,0,,0,,\n", "enrollment_samples '0'"),
        (OPTIONS + "m,a1,b1,a2,0,,,mean,\n", "mode 'mean'; expected min or max"),
        (OPTIONS + "m,a1,b1,a2,0,,,,11025\n", "sample_rate '11025'; expected 8000 or 16000"),
        (THIRD + "m,a1,b1,a2,0,b2,\n", "second_interferer alone; expected second_interferer and "),
        (THIRD + "m,a1,b1,a2,0,b2,much\n", "second_snr_db 'much'"),
        (OPTIONS + "m,a1,b1,a2,0,,,,\nn,a1,b1,a2,0,,,,8000\n", "rows at 8000 and 16000 Hz"),
    ],
)
def test_a_bad_list_is_refused(tmp_path: Path, text: str, words: str):
    with pytest.raises(DataError, match=words):
        MixtureList.load(written(tmp_path, text))


def test_what_is_not_a_list_is_refused(tmp_path: Path):
    with pytest.raises(DataError, match="No such file"):
        MixtureList.load(tmp_path / "nowhere.csv")
    (tmp_path / "audio").write_bytes(b"OggS\x00\xff\xfe\x80")
    with pytest.raises(DataError, match="not UTF-8"):
        MixtureList.load(tmp_path / "audio")


def test_an_unknown_utterance_is_named(folder: Corpus, tmp_path: Path):
    mixtures = MixtureList.load(written(tmp_path, HEADER + "m,a1,c1,a2,0\n"))
    with pytest.raises(DataError, match="m: found unknown utterance c1"):
        mixtures.check(folder)


@pytest.mark.parametrize("row", ["m,a1,b1,b2,0", "m,a1,a2,a2,0"])
def test_speakers_that_do_not_fit_are_warned_of(
    folder: Corpus, tmp_path: Path, row: str, caplog: pytest.LogCaptureFixture
):
    MixtureList.load(written(tmp_path, HEADER + row + "\n")).check(folder)
    assert "1 rows (m …)" in caplog.text
