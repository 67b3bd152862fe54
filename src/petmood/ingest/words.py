"""The name of a folder -> what it may mean: a split, a fold, a mood, a species, one subject; tolerant of decoration."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterable
from enum import StrEnum
from functools import cache
from typing import Final

from petmood.tables import same_name


def plain(text: str) -> str:
    """Text without case and accents, for comparison with known words."""
    apart = unicodedata.normalize("NFKD", text.casefold())
    return "".join(c for c in apart if not unicodedata.combining(c))


def _words(text: str) -> frozenset[str]:
    return frozenset(map(plain, text.split()))


_SPLITS: Final = {
    "train": "train training trn trainset entrenamiento entrainement apprentissage addestramento treino treinamento "
    "trainings lernen lern learning træning trænings opplæring trening treningowy treniranje antrenare egitim eğitim "
    "koulutus oefening szkolenie uczenie trenink обучение обучающая обучающие тренировка тренировочная тренировочные",
    "valid": "val valid validation validate validations dev devel development validacion validacao validazione "
    "validierung validierungs valideren validering validatie walidacja validacija validace validare dogrulama "
    "валидация валидационная валидационные проверка проверочная",
    "test": "test testing tests tst holdout heldout prueba pruebas essai prova teste testes testare testi testaus "
    "testowy testovani тест тестовая тестовые evaluation eval",
}
_UNSPACED: Final = {
    "train": ("训练", "訓練", "学習", "훈련", "학습", "تدريب", "huấn luyện"),
    "valid": ("验证", "驗證", "検証", "검증", "开发集"),
    "test": ("测试", "測試", "テスト", "評価用", "테스트", "시험", "평가", "اختبار", "kiểm tra"),
}
_DECOR: Final = sorted(
    _words(
        "datasets dataset data sets set images image imgs img pictures pics photos photo folder split splits subset "
        "samples sample part files dir examples partition faces final new copy daten datensatz bilder fotos dati datos "
        "donnees dados imagenes immagini imagens данные фото изображения выборка набор"
    ),
    key=len,
    reverse=True,
)
_FOLD: Final = re.compile(r"^(?:k?folds?|cv|xval|falte|pli)$")
_KNOWN_MOODS: Final = _words(
    "happy happiness joy joyful glad cheerful excited excitement playful content contented sad sadness unhappy "
    "depressed sorrow angry anger mad furious rage aggressive aggression annoyed irritated afraid fear fearful scared "
    "anxious anxiety nervous stressed stress worried disgust disgusted surprise surprised surprising contempt neutral "
    "calm relaxed relax relaxing alert attentive curious bored sleepy tired drowsy hungry lonely pain painful nopain "
    "frustrated frustration frown positive negative interested appeasing confused shy jealous "
    "emotion mood class label category expression "
    "frohlich glucklich traurig wutend bose angstlich mude entspannt ruhig neugierig uberrascht "
    "feliz triste enojado enfadado asustado miedo tranquilo relajado sorpresa neutro "
    "heureux content triste colere fache peur calme detendu surpris "
    "felice arrabbiato paura calmo rilassato "
    "alegre bravo raiva medo "
    "счастливый счастье радость грустный грусть злой злость гнев страх спокойный нейтральный удивление "
    "blij verdrietig boos bang"
)
_MOODS_UNSPACED: Final = (
    *("生气", "高兴", "悲伤", "快乐", "开心", "愤怒", "伤心", "害怕", "恐惧", "惊讶", "厌恶", "平静", "中性", "放松"),
    *("怒り", "喜び", "悲しみ", "恐れ", "驚き", "嬉しい", "悲しい"),
    *("행복", "슬픔", "분노", "화남", "공포", "놀람", "평온"),
)
_KNOWN_REST: Final = _words(
    "other others misc miscellaneous unknown none rest ubrig sonstige autre autres otro otros andere"
)
_KNOWN_SPECIES: Final = _words(
    "cat cats dog dogs kitten kittens puppy puppies rabbit rabbits bunny bunnies horse horses hamster hamsters "
    "bird birds parrot parrots ferret ferrets guineapig mouse mice rat rats cow cows goat goats sheep pig pigs "
    "fox foxes wolf wolves canine feline canines felines equine human humans monkey monkeys macaque panda bear bears "
    "tiger tigers lion lions turtle turtles fish duck ducks chicken chickens "
    "katze katzen hund hunde pferd pferde kaninchen gato gatos perro perros caballo caballos conejo conejos "
    "chat chats chien chiens cheval lapin gatto gatti cane cani cavallo cachorro cachorros cavalo "
    "кошка кошки собака собаки лошадь кролик"
)
_SPECIES_UNSPACED: Final = ("猫", "犬", "狗", "马", "馬", "兔", "고양이", "강아지", "개")
_KNOWN_SUBJECTS: Final = _words(
    "animal animals subject subjects subj individual individuals pet pets participant person patient specimen "
    "identity animalid petid tier sujet sujeto"
)
_OCCASIONS: Final = _words("session sessions video videos clip clips sequence seq track")


class Kind(StrEnum):
    """What the names of one level of folders may mean."""

    SPLIT = "split"
    COMBINED = "split and class in one name"
    FOLD = "fold"
    MOOD = "mood"
    SPECIES = "species"
    SUBJECT = "subject"
    NUMBER = "number"
    SERIAL = "serial"
    MIXED = "mixed"
    ONE = "one name"
    OTHER = "other"


def tokens(name: str) -> list[str]:
    """The words and numbers of a name: `Training_Set (1)` -> training, set, 1."""
    apart = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", unicodedata.normalize("NFC", name))
    return re.findall(r"[^\W\d_]+|\d+", plain(apart))


_SPLIT_OF: Final = {plain(word): split for split, words in _SPLITS.items() for word in words.split()}
_DECORATION: Final = re.compile(f"(?:{'|'.join(_DECOR)})+")

SPLIT_WORD: Final = (
    rf"(?:(?:{'|'.join(_DECOR)})[\W_]*)*"
    rf"(?:{'|'.join(sorted((w for words in _SPLITS.values() for w in words.split()), key=len, reverse=True))})"
    rf"(?:[\W_]*(?:{'|'.join(_DECOR)}))*"
)
"""Pattern of a split's name that stands beside something else in one name (`train_happy`): decorated by known words."""


@cache
def split_of(name: str) -> str:
    """The split whose word a name has, "train", "valid" or "test"; "" if it has none, or those of several.

    Words are found in many languages and under decoration: `Training_Set (1)`, `my-test-set`,
    `emotion_trainingdataset`.
    """
    words = tokens(name)
    found = {_split_of_word(word) for word in words} - {""}
    joined = "".join(words)
    if any(word in joined for word in ("holdout", "heldout")):
        found.add("test")
    for split, marks in _UNSPACED.items():
        if any("".join(tokens(mark)) in joined for mark in marks):
            found.add(split)
    if "trainval" in joined or "traintest" in joined:
        return ""
    return found.pop() if len(found) == 1 else ""


def split_of_folders(path: str) -> str:
    """The split of the innermost folder of a file's path that names one; "" if none does."""
    return next((split for part in reversed(path.split("/")[:-1]) if (split := split_of(part))), "")


def _split_of_word(word: str) -> str:
    if word in _SPLIT_OF:
        return _SPLIT_OF[word]
    for known, split in _SPLIT_OF.items():
        rest = word.removeprefix(known) if word.startswith(known) else word.removesuffix(known)
        if len(rest) < len(word) and _DECORATION.fullmatch(rest):
            return split
    return ""


@cache
def fold_of(name: str) -> str:
    """The number of a fold (`fold_3`, `CV-3`) as text without leading zeros; "" if the name is none."""
    words = tokens(name)
    numbers = [word for word in words if word.isdigit()]
    return str(int(numbers[-1])) if numbers and any(_FOLD.match(word) for word in words) else ""


@cache
def is_mood(name: str) -> bool:
    """Whether a name has a word for a mood, or says that it is a class."""
    return bool(_KNOWN_MOODS.intersection(tokens(name))) or any(plain(m) in plain(name) for m in _MOODS_UNSPACED)


@cache
def species_word(name: str) -> str:
    """The word for a species in a name; "" if it has none."""
    for word in tokens(name):
        if word in _KNOWN_SPECIES:
            return word
    return next((mark for mark in _SPECIES_UNSPACED if plain(mark) in plain(name)), "")


def is_container(name: str) -> bool:
    """Whether a name says no more than that images lie here: `images`, `data set 2`."""
    return all(word.isdigit() or _DECORATION.fullmatch(word) for word in tokens(name))


_NO_CLASSES: Final = _words(
    "unlabeled unlabelled unsorted unclassified unannotated tosort todo inbox raw original originals augmented "
    "augmentation augmentations aug mask masks crop crops cropped resized processed preprocessed backup old duplicate "
    "duplicates deleted rejected trash junk tmp temp thumbnail thumbnails thumbs labels annotations"
)


def is_no_class(name: str) -> bool:
    """Whether a name says how far images have come, not what they show: `unlabeled`, `to sort`, `raw`, `images`."""
    words = tokens(name)
    return "".join(words) in _NO_CLASSES or (bool(words) and not all(map(str.isdigit, words)) and is_container(name))


def is_rest(name: str) -> bool:
    """Whether a name stands for what fits no other: `Other`, `misc`."""
    return bool(_KNOWN_REST.intersection(tokens(name)))


def _is_subject(name: str, *, occasions: bool = True) -> bool:
    words = tokens(name)
    known = any(
        word in _KNOWN_SUBJECTS or word in _KNOWN_SPECIES or (occasions and word in _OCCASIONS) for word in words
    )
    numbered = any(word.isdigit() or len(word) == 1 for word in words)
    return known and numbered and not _KNOWN_MOODS.intersection(words)


def looks_like_subjects(names: Collection[str]) -> bool:
    """Whether all of several names look like those of single animals, sessions or clips: `animal-3`, `cat_07`."""
    return len(names) > 1 and all(map(_is_subject, names))


def are_animals(names: Iterable[str]) -> bool:
    """Whether names are those of single animals, not of sessions or clips, which may show several."""
    return all(_is_subject(name, occasions=False) for name in names)


def _serial(names: Collection[str]) -> bool:
    """Whether names differ only by a number or one letter at their end or beginning: `batch_a`, `batch_b`."""
    stems = {re.sub(r"[\W_]*(?:\d+|(?<=[\W_])[a-z])$|^\d+[\W_]*", "", plain(name)) for name in names}
    return len(stems) == 1 and stems != {""} and stems != set(map(plain, names))


def kind_of(names: Iterable[str]) -> Kind:
    """What the names of one level may mean, judged together."""
    unique = sorted({same_name(name): unicodedata.normalize("NFC", name) for name in names}.values())
    splits = [split_of(name) for name in unique]
    folds = [fold_of(name) for name in unique]
    if len(unique) == 1 and not splits[0]:
        return Kind.ONE
    if all(splits):
        return Kind.SPLIT if len(set(splits)) == len(splits) else Kind.COMBINED
    if all(folds):
        return Kind.FOLD
    if any(splits) or any(folds):
        return Kind.MIXED
    moods = sum(map(is_mood, unique))
    if moods >= 2 and 2 * moods >= len(unique):
        return Kind.MOOD
    if all(name.isdigit() for name in unique):
        return Kind.NUMBER
    if looks_like_subjects(unique):
        return Kind.SUBJECT
    rest = [name for name in unique if not is_rest(name)]
    if rest and all(map(species_word, rest)):
        return Kind.SPECIES
    return Kind.SERIAL if _serial(unique) else Kind.OTHER
