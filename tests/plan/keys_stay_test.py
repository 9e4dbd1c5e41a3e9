"""A clip that was drawn once is found again by any later version: keys of films of every kind, as they were.

A digest that changes here means that every user's clips of that kind would be drawn anew.
"""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Callable, Iterable
from functools import lru_cache
from pathlib import Path

import planned

from longtake.manifest import Manifest
from longtake.plan import EncodeSpec, Job, Plan, PlannedScene, Timeline, finer
from longtake.plan.edit import insert, move_cut, pin, remove, reroll, set_prompt
from longtake.plan.spec import PictureModel
from longtake.strategies import choose

ALL = slice(None)
CAST = ("Ollie the fox", "an owl at sea", "a frog in the reeds", "a fox and an owl", "a hen", "the sea")
LEXICON = {"fox": ["fox", "Ollie"], "frog": ["frog"], "owl": ["owl"], "sea": ["sea", "on the shore"]}
LENGTHS = (1, 17, 256, 1024, 3376)
PICTURES = [Job(EncodeSpec(pixels=name, encoder="e")) for name in ("abc", "def")]
REFERENCE = PictureModel(pipeline="d", steps=30, guidance=7.5)


@lru_cache
def some_pipeline() -> str:
    """A folder that passes for a pipeline's."""
    folder = Path(tempfile.mkdtemp())
    (folder / "model_index.json").write_text("{}")
    return str(folder)


Film = Callable[[Timeline], Plan]
FILMS: dict[str, Film] = {
    "nuwa-xl": lambda line: planned.nuwa_xl(line, references=2, model={"lexicon": LEXICON}),
    "nuwa-xl plain": lambda line: planned.nuwa_xl(line, clip_length=6),
    "lvdm": lambda line: planned.lvdm(line),
    "lvdm paper": lambda line: planned.lvdm(line, paper_exact=True),
    "lvdm chosen": lambda line: planned.lvdm(line, carried=2, stride=5, perturbation=0, known_guidance=1.2),
    "vidrd": lambda line: planned.vidrd(line),
    "vidrd paper": lambda line: planned.vidrd(line, paper_exact=True),
    "videogen": lambda line: planned.videogen(line),
    "videogen one stage": lambda line: planned.videogen(line, stages=1, stride=5, flow="none"),
    "videogen pipeline": lambda line: planned.videogen(line, pipeline=some_pipeline()),
    "backend": lambda line: planned.backend(line),
    "backend picture": lambda line: planned.backend(line, picture_model=REFERENCE),
    "backend pictures": lambda line: planned.backend(
        line, picture_model=REFERENCE, keyframes="pictures", strength=0.5
    ),
}


def line(length: int, scene_frames: int = 40) -> Timeline:
    starts = range(0, length, scene_frames if length < 2000 else 211)
    return Timeline(
        tuple(PlannedScene(f"s{k}", at, CAST[k % len(CAST)]) for k, at in enumerate(starts)), length
    )


def edits_of(plan: Plan) -> Iterable[tuple[str, Plan]]:
    """A film of at least three scenes after every kind of edit, one on top of the other."""
    plan = plan.with_pictures({0: PICTURES[0], plan.length - 3: PICTURES[1]})
    yield "pictures", plan
    plan = set_prompt(plan, "s1", "a rabbit").plan
    plan = reroll(plan, "s1").plan
    yield "prompt, reroll", plan
    plan = move_cut(plan, "s2", plan.timeline.scenes[2].start - 7).plan
    plan = pin(plan, plan.length // 2, PICTURES[1]).plan
    yield "cut, pin", plan
    plan = insert(plan, "early", 25, 30, "an owl").plan
    plan = insert(plan, "begin", 0, 20, "a frog").plan
    plan = insert(plan, "end", plan.length, 50, "a fox").plan
    yield "inserted", plan
    plan = set_prompt(plan, "early", "an owl and a hen").plan
    plan = remove(plan, "s1").plan
    plan = reroll(plan, "end").plan
    yield "removed", plan


def digest(lines: Iterable[str]) -> str:
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:16]


def digests(plan: Plan) -> tuple[str, str]:
    """Of all keys in the order in which they are asked for, and of what is shown of them where."""
    keys = (job.key for job in plan.missing((), ALL))
    shown = (f"{one.leaf.key} {one.indices} {one.start}" for one in plan.shown(ALL))
    return digest(keys), digest(shown)


def fine(plan: Plan, times: int) -> Plan:
    return finer(plan, times, model="m", sampling=planned.SAMPLING)


MODEL = Manifest(
    folder=Path("nowhere"),
    name="some",
    size=16,
    latents=(2, 4, 4),
    clip_length=16,
    schedule="flow",
    prediction="v",
    keyframes=planned.SAMPLING,
    gaps=planned.SAMPLING,
    leaves=planned.SAMPLING,
    decoder_precision="fp32",
    files={"unet/a": "b", "vae/c": "d"},
    references=2,
    drafts=True,
    lexicon=LEXICON,
)
CHOICES = (
    "nuwa-xl",
    "nuwa-xl:references=0:leaves.steps=3:gaps.precision=bf16",
    "nuwa-xl:compiled=true",
    "lvdm:carried=3:known_guidance=2",
    "vidrd:recycled=1:frames=9:steps=7",
    "videogen:flow=none:stages=1:leaves.sampler=dpm-2m",
)


def everything() -> dict[str, tuple[str, str]]:
    """What this version says."""
    found = {
        f"{name}, {length}": digests(film(line(length))) for name, film in FILMS.items() for length in LENGTHS
    }
    for name, film in FILMS.items():
        plain = film(line(256))
        plans: list[tuple[str, Plan]] = [("plain", plain), *edits_of(plain)]
        for what, plan in plans:
            if what != "plain":
                found[f"{name}, {what}"] = digests(plan)
            if "backend" not in name:
                for times in (2, 3):
                    found[f"{name}, {what}, {times} times"] = digests(fine(plan, times))
    found["nuwa-xl, long, 2 times"] = digests(fine(FILMS["nuwa-xl"](line(3376)), 2))
    for what, plan in edits_of(FILMS["nuwa-xl"](line(3376))):
        found[f"nuwa-xl, long, {what}"] = digests(plan)
    for text in CHOICES:
        found[text] = digests(choose(text).plan(line(1024), 7, MODEL, text_guidance=3))
    return found


def test_keys_stay_and_so_does_what_is_shown() -> None:
    found = everything()
    assert [name for name in found | KEPT if found.get(name) != KEPT.get(name)] == []


KEPT = {
    "nuwa-xl, 1": ("13fed75738e3ef63", "44b8ae921a2c89a3"),
    "nuwa-xl, 17": ("5936f63d92b3f2a1", "00e7a88f8a12ef22"),
    "nuwa-xl, 256": ("b12f8949bea1b52b", "8d32c0cbc6a0adad"),
    "nuwa-xl, 1024": ("d457e68c9ed2e31a", "6bc5e954349b66fe"),
    "nuwa-xl, 3376": ("e59597b2f1bc0b8f", "af72bd70910b4805"),
    "nuwa-xl plain, 1": ("13fed75738e3ef63", "44b8ae921a2c89a3"),
    "nuwa-xl plain, 17": ("32fa66833c66dd55", "698954ba4aecd05f"),
    "nuwa-xl plain, 256": ("26b54fb9a529a536", "7465584a38ae2ea4"),
    "nuwa-xl plain, 1024": ("b453e97847fca1f7", "ba5e30dc5ef4f91b"),
    "nuwa-xl plain, 3376": ("2a4f932ce0542653", "45d917ae06c2f0d5"),
    "lvdm, 1": ("13fed75738e3ef63", "44b8ae921a2c89a3"),
    "lvdm, 17": ("3378d797e64239d5", "adbb4b37d02cabf1"),
    "lvdm, 256": ("cdaf0dff897e867a", "e6507bb1a221e974"),
    "lvdm, 1024": ("52ddc1c6b73d68a7", "50ae31260a0f390e"),
    "lvdm, 3376": ("a7f235ca88537bf0", "ec0b5c39252147db"),
    "lvdm paper, 1": ("831b4b9b41a7f3b5", "10425329472f8279"),
    "lvdm paper, 17": ("2aa5ee6c37ad1c7c", "e7bc8863a2afca22"),
    "lvdm paper, 256": ("0ceaa2927efcf377", "3307ea9d449ba7fb"),
    "lvdm paper, 1024": ("0da1d40d66bf328e", "c9dc2fbe3364fb1f"),
    "lvdm paper, 3376": ("c79f252e28c1f7ba", "85c6dbd77546d062"),
    "lvdm chosen, 1": ("ad4d2bbc35fbc160", "e2894a150c0eeea0"),
    "lvdm chosen, 17": ("d698c772372d48c8", "ff2412b1239c35e7"),
    "lvdm chosen, 256": ("64bb653f4c246d31", "db9f346ce3d2ccf1"),
    "lvdm chosen, 1024": ("45821bb3959be10f", "6969f4d4bca911d6"),
    "lvdm chosen, 3376": ("593d4ffae6258ec7", "145aa29a65aa2989"),
    "vidrd, 1": ("20c848cc84649bef", "c47cc31bf9f2208d"),
    "vidrd, 17": ("e58a5d1de448d71e", "f3602914711181d4"),
    "vidrd, 256": ("6dda4b64c6a4330a", "d7f76039b4494ed4"),
    "vidrd, 1024": ("8c77b3270bf5168d", "68d81c21270659af"),
    "vidrd, 3376": ("f1b51169efce0ece", "cd78bfdf098d5d31"),
    "vidrd paper, 1": ("035086d905a8ba5b", "fecd8ac1829ebf9a"),
    "vidrd paper, 17": ("f799d251c0df3dc0", "9d803085340039a0"),
    "vidrd paper, 256": ("5ec05d8648c63328", "46330c93a521f9be"),
    "vidrd paper, 1024": ("af55defaa745c7c8", "f3a8f328d9b168d4"),
    "vidrd paper, 3376": ("1d28d293bfe78a1c", "71951f60fe3a535c"),
    "videogen, 1": ("65db0a303715ed81", "fe661e96a375671e"),
    "videogen, 17": ("acecd5a007b7aec6", "eb50f69f64ec7394"),
    "videogen, 256": ("63f0b28bbc91e85f", "a48f24a53690a867"),
    "videogen, 1024": ("678ad5c9b3c02487", "f2201f19612d23d8"),
    "videogen, 3376": ("9f52e97681bea292", "a1fb682b7ae31090"),
    "videogen one stage, 1": ("924bdff8cb9a0fb2", "19275e7269fde9e6"),
    "videogen one stage, 17": ("080098a8251d52e6", "f403e2dd11e5166f"),
    "videogen one stage, 256": ("b4bc4180601c9cac", "ca3c151e0bad21e8"),
    "videogen one stage, 1024": ("9bd3b5cff0b68a3a", "94db6b4fd0ab7a1e"),
    "videogen one stage, 3376": ("a2cc056b4823e0f3", "b984133dd0f4d0c4"),
    "videogen pipeline, 1": ("93e9dd5502b0ab18", "3af543eb722c5dc7"),
    "videogen pipeline, 17": ("cbe30da168b6ff3f", "9a0f2e08c373d9a5"),
    "videogen pipeline, 256": ("6be4a1e748255ba1", "4b0ae40a10aaeec8"),
    "videogen pipeline, 1024": ("565885de7a47a58b", "a75809919f56f10f"),
    "videogen pipeline, 3376": ("35bdef25f3686d9a", "b3bfde93a71ed914"),
    "backend, 1": ("e19fa1be377e9040", "5cba718a3535dc89"),
    "backend, 17": ("730aecf5bd1f355a", "b9ababc97389bc4e"),
    "backend, 256": ("91bb8e47e12be843", "1cada509c361248b"),
    "backend, 1024": ("2f6924f030fb9f7e", "0495a506015d7203"),
    "backend, 3376": ("2b58213684867ad2", "f34b98804bb7d1c7"),
    "backend picture, 1": ("9cb972c995303d8b", "cc3eeced1640402c"),
    "backend picture, 17": ("77c6b562ee37fed2", "b8672ee8d24484a3"),
    "backend picture, 256": ("07397cbc3d61cb82", "85a3a1335476e91d"),
    "backend picture, 1024": ("cb8cd3fb2866e86d", "071c2644c2a22d65"),
    "backend picture, 3376": ("ab983219ceb9f0c8", "cade9b4eeafca16e"),
    "backend pictures, 1": ("9cb972c995303d8b", "cc3eeced1640402c"),
    "backend pictures, 17": ("903a5ef6b55101cd", "75a93b9e27ee08ca"),
    "backend pictures, 256": ("a336f0ef3a432695", "e8a328ed98e9e8e2"),
    "backend pictures, 1024": ("f20f583902f7eeaf", "6720713a67021fb4"),
    "backend pictures, 3376": ("1169831bf6bd8ebd", "caaa93937fcb6d62"),
    "nuwa-xl, plain, 2 times": ("d2160e3815c8264b", "a8ba53ec6980e5a6"),
    "nuwa-xl, plain, 3 times": ("bf0f68c3e39805af", "44ebd41596f5bc3d"),
    "nuwa-xl, pictures": ("f576447c74ce92c9", "ed7a957ee99bd65c"),
    "nuwa-xl, pictures, 2 times": ("c54fbe5839b2b574", "d498a0a26fa3a9e3"),
    "nuwa-xl, pictures, 3 times": ("ec467703e4ac837c", "94e58ee7b8dca139"),
    "nuwa-xl, prompt, reroll": ("793db0490fff0a2c", "bebececb93ccd6f4"),
    "nuwa-xl, prompt, reroll, 2 times": ("99f185f535a0a25d", "7032ec5bc0f61fce"),
    "nuwa-xl, prompt, reroll, 3 times": ("ece51a35ffc0739f", "3a18d02852e33a0c"),
    "nuwa-xl, cut, pin": ("1d4afde7f3a696bf", "11a548215f4db252"),
    "nuwa-xl, cut, pin, 2 times": ("73fd82fdb82c8467", "0c7e2d91d5bade3f"),
    "nuwa-xl, cut, pin, 3 times": ("4f1b677e7546d368", "42206a6a1d81db2d"),
    "nuwa-xl, inserted": ("891b7d6e13c7c9b5", "a1c3aef8967b2eba"),
    "nuwa-xl, inserted, 2 times": ("d8adf75461fb9d60", "93dfb35d5c07c307"),
    "nuwa-xl, inserted, 3 times": ("eefcf50f58e73f4e", "27d3018e66df1512"),
    "nuwa-xl, removed": ("28783755ff40e998", "0144d90bca3ae3b3"),
    "nuwa-xl, removed, 2 times": ("f1500c284d5fc01b", "549a1363af89c913"),
    "nuwa-xl, removed, 3 times": ("9786994eae071ce9", "e8c3c705ba04caea"),
    "nuwa-xl plain, plain, 2 times": ("535763330634956a", "a1c116d6556a98d8"),
    "nuwa-xl plain, plain, 3 times": ("d9650904d4f69c3e", "5a749241492be0cd"),
    "nuwa-xl plain, pictures": ("f44d31949c7cc74a", "dfd09a7c792f48bc"),
    "nuwa-xl plain, pictures, 2 times": ("2b5fbf018efa0a7d", "ce1f4c0bb780e244"),
    "nuwa-xl plain, pictures, 3 times": ("bf403c9e06419880", "6a335d95835f4fdc"),
    "nuwa-xl plain, prompt, reroll": ("ef6182699504f526", "4a5713954a41c492"),
    "nuwa-xl plain, prompt, reroll, 2 times": ("9c790f48fc28c04a", "a13b8d1f223c40d7"),
    "nuwa-xl plain, prompt, reroll, 3 times": ("d4b0891baf9ea045", "d732316c18cc9dab"),
    "nuwa-xl plain, cut, pin": ("9931a044b81dcab3", "6ccb51766f38c741"),
    "nuwa-xl plain, cut, pin, 2 times": ("2711edc3d4f15608", "93cc760a53db1b6c"),
    "nuwa-xl plain, cut, pin, 3 times": ("b04012bc2f50a935", "7abc5436c8ce11db"),
    "nuwa-xl plain, inserted": ("ccec58085ff754c8", "5b78d97477da3b91"),
    "nuwa-xl plain, inserted, 2 times": ("3c15a358e339329d", "51853cea9b651f5d"),
    "nuwa-xl plain, inserted, 3 times": ("54bb6acc8078c68e", "849a3c049fd86d21"),
    "nuwa-xl plain, removed": ("ea71958d12f4d0c4", "53d28bb72770faa7"),
    "nuwa-xl plain, removed, 2 times": ("053f66ed167dcad2", "a95951af860ffafd"),
    "nuwa-xl plain, removed, 3 times": ("51d973c35dfd241c", "f3b7bdf3363e0047"),
    "lvdm, plain, 2 times": ("8eb47ca24f5526fd", "d2486f7e95d16677"),
    "lvdm, plain, 3 times": ("7f5d0cda90090919", "283ff3babaa834d0"),
    "lvdm, pictures": ("78fb22aae0ee4e8a", "63f0b0b2960d1601"),
    "lvdm, pictures, 2 times": ("e593c21a5058d80a", "50632ed6d54e4001"),
    "lvdm, pictures, 3 times": ("8758356fe109b460", "283c7ce6c3bc64b8"),
    "lvdm, prompt, reroll": ("701eaac3d9062eb3", "7ffa3e0b06c2f915"),
    "lvdm, prompt, reroll, 2 times": ("9ad1498472e6eeec", "7ce53e0147d72d4a"),
    "lvdm, prompt, reroll, 3 times": ("b0fcf054409648f8", "96f5ff9b500e0009"),
    "lvdm, cut, pin": ("d4c5cdb35ccef958", "c1acb806afb8d365"),
    "lvdm, cut, pin, 2 times": ("e31f059c4930651e", "094c8f8b3cfb7102"),
    "lvdm, cut, pin, 3 times": ("1db1ae27a35bc1ee", "58db4e0778e11e19"),
    "lvdm, inserted": ("b43d01e9dc6f4c21", "a1c006db851af7b7"),
    "lvdm, inserted, 2 times": ("8f6924ad64401f94", "f4d858d9ce38f065"),
    "lvdm, inserted, 3 times": ("81c9ad84733f8b99", "520ab1f959a18488"),
    "lvdm, removed": ("42120a31ec9bec2f", "cd13b008e167102b"),
    "lvdm, removed, 2 times": ("d84489dc627e7ee8", "a75e7fe0d9837a25"),
    "lvdm, removed, 3 times": ("f99801ad8ca4da24", "7de695412c86f453"),
    "lvdm paper, plain, 2 times": ("af78361e4d378b4a", "660a88b3bedc19e8"),
    "lvdm paper, plain, 3 times": ("73967e0d48a5d187", "2f5b8dc2ea0ba4b4"),
    "lvdm paper, pictures": ("66e0d7134c89c44f", "0653c9fbdd48a0f6"),
    "lvdm paper, pictures, 2 times": ("534b6a1b03988c74", "ca1b57ecdce69a6f"),
    "lvdm paper, pictures, 3 times": ("460fc6507128c474", "85309708e3c2cbcf"),
    "lvdm paper, prompt, reroll": ("0140829e7f5a2e11", "29b8e26b58c6664b"),
    "lvdm paper, prompt, reroll, 2 times": ("74d63cf0b4dfe343", "37b5222ecdee5ad1"),
    "lvdm paper, prompt, reroll, 3 times": ("85981cc1250242b6", "e1e41ff04409ebb8"),
    "lvdm paper, cut, pin": ("4d1f42764b553204", "85fbeafab8814252"),
    "lvdm paper, cut, pin, 2 times": ("bd179a7efd818f8a", "a0b3e923c3755b0a"),
    "lvdm paper, cut, pin, 3 times": ("64821159505c4475", "1081accb4acfe6b5"),
    "lvdm paper, inserted": ("e025abbb47f51210", "a8f46df5793aa02c"),
    "lvdm paper, inserted, 2 times": ("f458c6c8c3acde38", "fa73789241160db1"),
    "lvdm paper, inserted, 3 times": ("e546f633d537f1fc", "74dd469adf10cf70"),
    "lvdm paper, removed": ("ba62a6767da9bb77", "fe3cd3907d51d737"),
    "lvdm paper, removed, 2 times": ("f3dcd3d788bf252f", "1eb426a02065a341"),
    "lvdm paper, removed, 3 times": ("3f0ac41031458de1", "bc85c9e24e3de2ca"),
    "lvdm chosen, plain, 2 times": ("9813bbfb27355fd8", "6e6eed6e7e58ba81"),
    "lvdm chosen, plain, 3 times": ("cdd2b89dc50c1307", "b05c275a6eae4012"),
    "lvdm chosen, pictures": ("af3887dcfcf47e17", "2f6f9d724cabddc9"),
    "lvdm chosen, pictures, 2 times": ("9ec0437733cb3939", "4003aebe8cf286be"),
    "lvdm chosen, pictures, 3 times": ("d1154b5b437391c6", "2421d5b08cdc4ebe"),
    "lvdm chosen, prompt, reroll": ("d1529bb4f4a22c38", "f520df090dd830cb"),
    "lvdm chosen, prompt, reroll, 2 times": ("094448ab64f59ec8", "4d73367ff2c95ca3"),
    "lvdm chosen, prompt, reroll, 3 times": ("e8a9200e651c7f67", "3d1c7c357d1c37d8"),
    "lvdm chosen, cut, pin": ("4eede6d3615b4c1d", "e54fcd8e37d4fa1b"),
    "lvdm chosen, cut, pin, 2 times": ("127b21d1f6479e0f", "2c00ee6309889602"),
    "lvdm chosen, cut, pin, 3 times": ("be0bfc8b7b6af095", "de817120a77172e7"),
    "lvdm chosen, inserted": ("2b948dc90dfe7512", "a2018a2a1e4149c8"),
    "lvdm chosen, inserted, 2 times": ("b6ef0b624ed15cc6", "3fc9217a4faeb5a5"),
    "lvdm chosen, inserted, 3 times": ("1e525f88a02f2333", "7a1f882f6a940daf"),
    "lvdm chosen, removed": ("75996ab271c2b690", "8594ce79ea9b4c20"),
    "lvdm chosen, removed, 2 times": ("8e46da0c6cd6cd63", "10834ec01b5bcf5d"),
    "lvdm chosen, removed, 3 times": ("4cab941beec5b1df", "b0b948f8650d60bd"),
    "vidrd, plain, 2 times": ("c59ac4f85264936a", "f9af6b892cf3ef17"),
    "vidrd, plain, 3 times": ("1da0d537fe87e45c", "86a723cbcc4f7a63"),
    "vidrd, pictures": ("2b7781903e96b7c8", "3efcbd4e3b3d23a3"),
    "vidrd, pictures, 2 times": ("5932caffc6564a35", "75b0adbc4b0fcb82"),
    "vidrd, pictures, 3 times": ("a2d016cfd7437134", "b12d3e09c411c3b5"),
    "vidrd, prompt, reroll": ("94ff6241e639bacb", "db01a2a4f2618c29"),
    "vidrd, prompt, reroll, 2 times": ("b8bc39169db726d8", "ae8c6f3e7ce2409d"),
    "vidrd, prompt, reroll, 3 times": ("89171c93f7cba8a5", "4d15a3d591b6d0cd"),
    "vidrd, cut, pin": ("c97d6ba0f06857ab", "a7e67ddc456dbc84"),
    "vidrd, cut, pin, 2 times": ("128aa5c4172b2f6e", "2fe3858df84edfdc"),
    "vidrd, cut, pin, 3 times": ("ad6f7d91943b6f7f", "4bdf902a05096a34"),
    "vidrd, inserted": ("755359d2e28964e4", "21b128e195469762"),
    "vidrd, inserted, 2 times": ("1add5a94d2d2817e", "e29c228bf5f71f9d"),
    "vidrd, inserted, 3 times": ("aa255291aa8468e9", "708223c07b027852"),
    "vidrd, removed": ("1b3b0958e248836c", "ed0115b1c8a9018f"),
    "vidrd, removed, 2 times": ("fe03894e8da598ea", "2876d504519603ef"),
    "vidrd, removed, 3 times": ("4357e3af2d402c42", "ca1d291ff3d79727"),
    "vidrd paper, plain, 2 times": ("bdee95957a463eaf", "ea7aa845ee67c845"),
    "vidrd paper, plain, 3 times": ("3f15d670c570d335", "d3a336d989b1d9ba"),
    "vidrd paper, pictures": ("19a624a2391f7765", "c7eb067cc7290dce"),
    "vidrd paper, pictures, 2 times": ("b39e3c36766e2a52", "bb82101789057f96"),
    "vidrd paper, pictures, 3 times": ("1c1bb000f9abc440", "616c03244c493f95"),
    "vidrd paper, prompt, reroll": ("26e23c129f63b09e", "4c23b5a9cf961716"),
    "vidrd paper, prompt, reroll, 2 times": ("c7f574f3480c4a79", "87ba3af23cd2dddb"),
    "vidrd paper, prompt, reroll, 3 times": ("0cf22df3c490d4e6", "5dfa2e925ab9ab04"),
    "vidrd paper, cut, pin": ("7b471861d968d17a", "d34c9beba466e722"),
    "vidrd paper, cut, pin, 2 times": ("3c992aba8e6f8b65", "840414c207c1920c"),
    "vidrd paper, cut, pin, 3 times": ("cee532009c0351ec", "f74ce3d424b764af"),
    "vidrd paper, inserted": ("9f2757425663f8bf", "1b9efedaf8e0c96a"),
    "vidrd paper, inserted, 2 times": ("da6d5cb9018d0609", "ca38055a0436152e"),
    "vidrd paper, inserted, 3 times": ("19600a75a8723544", "13bc246a8b420198"),
    "vidrd paper, removed": ("c4646465e1a693da", "4aae7fbf9352d71a"),
    "vidrd paper, removed, 2 times": ("77dabc828dcbd233", "f4bd8b736f2c0f63"),
    "vidrd paper, removed, 3 times": ("bfba7abaf20cad14", "abcf122023ec16c4"),
    "videogen, plain, 2 times": ("027656276b214426", "f634b50ebea3c688"),
    "videogen, plain, 3 times": ("d22055c5f5cfa421", "2d36b2e14288d96c"),
    "videogen, pictures": ("3a74f63be91e7124", "6e707bdbca547b18"),
    "videogen, pictures, 2 times": ("e79042958f50a29a", "c2b15779e2400682"),
    "videogen, pictures, 3 times": ("aa011650bc701642", "67053f6bc7f75a19"),
    "videogen, prompt, reroll": ("8629d61bec81877a", "1b201e997a00fa06"),
    "videogen, prompt, reroll, 2 times": ("aafd259275a9a474", "725adb2399a97add"),
    "videogen, prompt, reroll, 3 times": ("980d23e9e7f1d2ab", "8b4df14b13f3c44f"),
    "videogen, cut, pin": ("9990c78a6064c131", "68e62ccad8cdc7ff"),
    "videogen, cut, pin, 2 times": ("720b2225bd461821", "dedb5d54e5e0c8e2"),
    "videogen, cut, pin, 3 times": ("062cc17c33674750", "9f6fc72c4caac76d"),
    "videogen, inserted": ("9bf99eee2b0003b4", "07b5c822db81622e"),
    "videogen, inserted, 2 times": ("c568d113b1054ac4", "35f82df5c45b4b30"),
    "videogen, inserted, 3 times": ("9eb280e6df85539e", "4573f9ba89273be4"),
    "videogen, removed": ("26ec735558a59a02", "b9bd0aa6677c857f"),
    "videogen, removed, 2 times": ("b1aadaea58e7d145", "3aed0bc48b857b1d"),
    "videogen, removed, 3 times": ("f8cde5c1a9e2a443", "4a21be0f2b443c43"),
    "videogen one stage, plain, 2 times": ("459ac27bf6ab55d7", "7839d949e834cd9c"),
    "videogen one stage, plain, 3 times": ("92266a6fe117768e", "76adf2251a078e52"),
    "videogen one stage, pictures": ("e19e156fa2209cb6", "db9f3bae7afbae06"),
    "videogen one stage, pictures, 2 times": ("7ee4b7594813a990", "df331856e7a94f53"),
    "videogen one stage, pictures, 3 times": ("e0b7c1395245a3f3", "b650b538de671fe7"),
    "videogen one stage, prompt, reroll": ("6b896b864d66a0d6", "ec1937ee6942ea0d"),
    "videogen one stage, prompt, reroll, 2 times": ("8563ab81b4f0c41e", "66fbe062aec23290"),
    "videogen one stage, prompt, reroll, 3 times": ("d1f0c6264ed621f1", "418b1f08ca9f1dd6"),
    "videogen one stage, cut, pin": ("fe33e1a2ba11ca88", "7a77a3848437fcc2"),
    "videogen one stage, cut, pin, 2 times": ("b24f0b305fd2e7df", "af10000623b2e38b"),
    "videogen one stage, cut, pin, 3 times": ("065d558c34d08e0d", "511b6a91fa2263cb"),
    "videogen one stage, inserted": ("374e93c3191df9da", "e0edc54342e5efee"),
    "videogen one stage, inserted, 2 times": ("ab2c699430ee3fc4", "c84667a0f4803255"),
    "videogen one stage, inserted, 3 times": ("436707538fe3d9d4", "ff72f8eda3c34cd2"),
    "videogen one stage, removed": ("533160db9857553f", "6186923f61a0a251"),
    "videogen one stage, removed, 2 times": ("129712eb7d05c17f", "8b91c38ac5114de1"),
    "videogen one stage, removed, 3 times": ("40ae72a6e9cc94fc", "f7998881c2a2f727"),
    "videogen pipeline, plain, 2 times": ("453f659d162e2d30", "1b864c801f50bce9"),
    "videogen pipeline, plain, 3 times": ("10fafc80f4fac2de", "92728cde07ded12d"),
    "videogen pipeline, pictures": ("5093fb3fd1ade7c7", "968a4818569ae46f"),
    "videogen pipeline, pictures, 2 times": ("ef898d9f1015b837", "1d88968c2cb49669"),
    "videogen pipeline, pictures, 3 times": ("dfd463f98f49e057", "92aaf738d0f51e83"),
    "videogen pipeline, prompt, reroll": ("f2176980ecb2c5b0", "6384ece9574877d8"),
    "videogen pipeline, prompt, reroll, 2 times": ("508727bba47b3994", "b7495274b61ab352"),
    "videogen pipeline, prompt, reroll, 3 times": ("95c1313d64c1c853", "b0facd25c624a639"),
    "videogen pipeline, cut, pin": ("701518137d5a279d", "6723eaf5e6afa5ec"),
    "videogen pipeline, cut, pin, 2 times": ("0c0ce155fec55d06", "07a15321e6795914"),
    "videogen pipeline, cut, pin, 3 times": ("84e7ad7f258e49c2", "0235d1e8f92b5017"),
    "videogen pipeline, inserted": ("5ccfd0c7c57f94a8", "e81799abc98a4055"),
    "videogen pipeline, inserted, 2 times": ("304d2098022e27c5", "d06a8b30648628f6"),
    "videogen pipeline, inserted, 3 times": ("61e9bb3f66c36b1f", "aef8c140e8681f9a"),
    "videogen pipeline, removed": ("c61c9e8e7df8a6da", "3d687e9f1acc1241"),
    "videogen pipeline, removed, 2 times": ("b7a663778bd3fea7", "cabcca0e14f70a9d"),
    "videogen pipeline, removed, 3 times": ("6ad080567423a679", "71723e387e5869d5"),
    "backend, pictures": ("822850f2f2ae4d39", "489bbc2b34b48599"),
    "backend, prompt, reroll": ("9fde57e5786f059b", "721910e28deb26e4"),
    "backend, cut, pin": ("037d8956a5e76875", "f6a180d7888619c4"),
    "backend, inserted": ("394b646960203b1d", "4c80c1156d948e0a"),
    "backend, removed": ("77fd3048750fb564", "8f77058728d5d93f"),
    "backend picture, pictures": ("8ba18c2113856476", "f76f4bd53b1a3051"),
    "backend picture, prompt, reroll": ("9b79aa330112ed77", "71017922cde93328"),
    "backend picture, cut, pin": ("8150cb276319f698", "f2068072c83d7ce9"),
    "backend picture, inserted": ("a3c33401861ca777", "22191911fd6b44e1"),
    "backend picture, removed": ("1ea6e98bbf85a5e9", "b8914028e4039057"),
    "backend pictures, pictures": ("f506b69708087b28", "b0d9ddcc9bba0132"),
    "backend pictures, prompt, reroll": ("ef9f68369920fc6a", "9631b4a7e6135c01"),
    "backend pictures, cut, pin": ("a188b8b3ced911cd", "026349888828f280"),
    "backend pictures, inserted": ("42decced2aa57b63", "f8b70d26a2e0bef4"),
    "backend pictures, removed": ("88e80b829de0d133", "323c4721c128b521"),
    "nuwa-xl, long, 2 times": ("ef0dcf242a14099f", "0bcb10542691f326"),
    "nuwa-xl, long, pictures": ("dc9390139d78c1d8", "2fa35923a0389e8a"),
    "nuwa-xl, long, prompt, reroll": ("7ee1e0ad618102f9", "9048656fab2db66c"),
    "nuwa-xl, long, cut, pin": ("8ff4fec5aa7617b7", "c8960e51996739b5"),
    "nuwa-xl, long, inserted": ("9bcbbdf7b3f50d45", "3e949c0bb38990fa"),
    "nuwa-xl, long, removed": ("d14c4467fe05efe0", "4f0b3c30ce415ca3"),
    "nuwa-xl": ("00051e37755d36c1", "9b5794b6225b7027"),
    "nuwa-xl:references=0:leaves.steps=3:gaps.precision=bf16": ("6c041b071e5b9934", "f41ab7d0c1401046"),
    "nuwa-xl:compiled=true": ("36a1173a85f4db10", "fe7fcd80eff6afd1"),
    "lvdm:carried=3:known_guidance=2": ("97deef3ce7a8b8d3", "75e6c8869f281b7f"),
    "vidrd:recycled=1:frames=9:steps=7": ("865d564e01bed7a7", "850a2b293d30f4af"),
    "videogen:flow=none:stages=1:leaves.sampler=dpm-2m": ("abaabff3c308006c", "5bcf3fd5f483a1dd"),
}
