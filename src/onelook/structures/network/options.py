"""Every option that Darknet reads, section by section, and what becomes of it here; warnings for a cfg's oddities.

Source: the options that AlexeyAB/darknet at commit 59596d7 takes, and those of the 95 cfg files that come with it.
"""

from enum import Enum

from onelook.structures.errors import nearest
from onelook.structures.network.activations import ACTIVATIONS, DEFAULT, ELSEWHERE
from onelook.structures.network.cfg import Cfg, Section
from onelook.structures.network.layer import main_name


class Use(Enum):
    """What becomes of an option here."""

    FOLLOWED = "followed"
    RECIPE = "followed by `recipe=darknet`"
    SETTING = "a setting of training, given by `--set`"
    IGNORED = "without effect, in Darknet too or here"
    UNTRAINED = "for training, which is refused for this section"
    LEFT = "not followed; told when it is set"
    REFUSED = "refused when it is set"


_EVERY_LAYER = {
    Use.LEFT: "stopbackward onlyforward dontload dontloadscales dont_update burnin_update train_only_bn learning_rate"
    " clip max_delta",
    Use.IGNORED: "dontsave truth numload",
}
"""Options that any layer may have."""

_HEAD_TRAINING = "jitter resize random"
_YOLO = {
    Use.FOLLOWED: "classes num mask anchors scale_x_y new_coords nms_kind beta_nms",
    Use.RECIPE: "ignore_thresh truth_thresh iou_thresh iou_thresh_kind iou_loss iou_normalizer obj_normalizer cls_normalizer"
    " delta_normalizer max max_delta objectness_smooth label_smooth_eps counters_per_class focal_loss",
    Use.SETTING: _HEAD_TRAINING,
    Use.LEFT: "map embedding_layer track_history_size sim_thresh dets_for_track dets_for_show track_ciou_norm",
    Use.IGNORED: "show_details uc_normalizer beta1",
}

_OPTIONS: dict[str, dict[Use, str]] = {
    "net": {
        Use.FOLLOWED: "width height channels letter_box",
        Use.RECIPE: "batch subdivisions max_batches learning_rate learning_rate_min momentum decay burn_in power policy steps"
        " scales step scale gamma sgdr_cycle sgdr_mult",
        Use.SETTING: "angle saturation exposure hue aspect flip mosaic mosaic_bound mixup cutmix blur gaussian_noise max_crop"
        " min_crop label_smooth_eps ema_alpha resize_step adam B1 B2 eps max_epochs",
        Use.LEFT: "seq_scales time_steps track augment_speed init_sequential_subdivisions sequential_subdivisions"
        " contrastive contrastive_jit_flip contrastive_color unsupervised adversarial_lr attention dynamic_minibatch"
        " equidistant_point badlabels_rejection_percentage num_sigmas_reject_badlabels weights_reject_freq",
        Use.IGNORED: "inputs seen loss_scale optimized_memory workspace_size_limit_MB try_fix_nan max_chart_loss"
        " show_receptive_field benchmark_layers",
    },
    "convolutional": {
        Use.FOLLOWED: "filters size stride stride_x stride_y pad padding dilation groups activation batch_normalize cbn"
        " share_index antialiasing",
        Use.LEFT: "grad_centr reverse angle dot",
        Use.REFUSED: "xnor binary bin_output flipped deform sway rotate stretch stretch_sway assisted_excitation coordconv",
    },
    "connected": {Use.FOLLOWED: "output activation batch_normalize"},
    "local": {Use.FOLLOWED: "filters size stride pad activation"},
    "maxpool": {
        Use.FOLLOWED: "size stride stride_x stride_y padding maxpool_depth out_channels antialiasing",
    },
    "local_avgpool": {
        Use.FOLLOWED: "size stride stride_x stride_y padding",
        Use.REFUSED: "maxpool_depth antialiasing",
    },
    "avgpool": {},
    "upsample": {Use.FOLLOWED: "stride scale"},
    "reorg": {Use.FOLLOWED: "stride", Use.REFUSED: "reverse"},
    "reorg3d": {Use.FOLLOWED: "stride", Use.REFUSED: "reverse"},
    "crop": {
        Use.FOLLOWED: "crop_height crop_width flip noadjust",
        Use.SETTING: "angle saturation exposure shift",
    },
    "route": {Use.FOLLOWED: "layers groups group_id"},
    "shortcut": {Use.FOLLOWED: "from activation weights_type weights_normalization"},
    "scale_channels": {Use.FOLLOWED: "from activation scale_wh"},
    "sam": {Use.FOLLOWED: "from activation"},
    "implicit": {Use.FOLLOWED: "filters atoms mean std"},
    "batchnorm": {},
    "normalization": {Use.FOLLOWED: "size alpha beta kappa"},
    "softmax": {Use.FOLLOWED: "groups temperature", Use.LEFT: "noloss", Use.REFUSED: "tree spatial"},
    "activation": {Use.FOLLOWED: "activation"},
    "dropout": {Use.FOLLOWED: "probability dropblock dropblock_size_rel dropblock_size_abs"},
    "cost": {Use.LEFT: "type scale ratio"},
    "empty": {},
    "yolo": _YOLO,
    "gaussian_yolo": {
        **_YOLO,
        Use.FOLLOWED: "classes num mask anchors scale_x_y nms_kind beta_nms yolo_point",
        Use.RECIPE: "",
        Use.UNTRAINED: f"uc_normalizer {_YOLO[Use.RECIPE]}",
        Use.IGNORED: "show_details beta1",
    },
    "region": {
        Use.FOLLOWED: "classes num coords anchors softmax",
        Use.RECIPE: "thresh rescore bias_match absolute object_scale noobject_scale class_scale coord_scale max focal_loss",
        Use.SETTING: _HEAD_TRAINING,
        Use.LEFT: "log sqrt background classfix mask_scale",
        Use.REFUSED: "tree map",
    },
    "detection": {
        Use.FOLLOWED: "classes num coords side sqrt softmax",
        Use.UNTRAINED: f"{_HEAD_TRAINING} rescore forced reorg max object_scale noobject_scale class_scale coord_scale",
    },
}


def uses_of(kind: str) -> dict[str, Use]:
    """Return what becomes of every known option of a section, by its main name; an unknown kind has those of every layer."""
    return own_options(kind) if kind == "net" else {**every_layer(), **own_options(kind)}


def own_options(kind: str) -> dict[str, Use]:
    """Return the options that only this kind of section has, by its main name; an unknown kind has none."""
    return _split(_OPTIONS.get(kind, {}))


def every_layer() -> dict[str, Use]:
    """Return the options that every layer may have."""
    return _split(_EVERY_LAYER)


def _split(groups: dict[Use, str]) -> dict[str, Use]:
    return {option: use for use, options in groups.items() for option in options.split()}


_SAME_AS_OURS = {("cost", "type"): "sse"}
"""Values of options that are not followed which ask for nothing else than what is done."""


def cfg_warnings(cfg: Cfg) -> list[str]:
    """Return one line, which begins `file:line:`, for everything in the cfg that does not count as it is written.

    That is an unknown option (with the nearest known one), one that is set twice, one that Darknet knows and that is not
    followed here, and an activation that Darknet replaces because it doesn't know it.
    """
    return [words for section in (cfg.net, *cfg.layers) for words in _section_warnings(section)]


def _section_warnings(section: Section) -> list[str]:
    known, kind = uses_of(main_name(section)), section.kind
    found = []
    for key, (text, line) in section.options.items():
        if key not in known:
            found.append((line, f"unknown option {key!r} is ignored{nearest(key, known)}"))
        elif known[key] is Use.LEFT and text not in ("0", "", _SAME_AS_OURS.get((main_name(section), key))):
            found.append((line, f"{key}={text} is not followed"))
    for key, line in section.repeated:
        text, first = section.options[key]
        found.append((line, f"{key} is set again; the first counts, {key}={text} on line {first}"))
    activation, line = section.options.get("activation", (DEFAULT, section.line))
    if activation not in ACTIVATIONS and "activation" in known:
        near = nearest(ELSEWHERE.get(activation, activation), ACTIVATIONS)
        found.append((line, f"unknown activation {activation!r} is computed as {DEFAULT}, as Darknet does{near}"))
    return [f"{section.where}:{line}: [{kind}] {words}" for line, words in sorted(found)]
