"""What WeSpeaker calls its tensors, and what they are here: rules for each family of models."""

from collections.abc import Sequence

Rules = Sequence[tuple[str, str]]
"""See `pretrained.foreign.renamed`."""

AFTER = "after"
"""A batch norm that follows the embedding; the reader folds it into the projection."""

QUERIES = "queries"
"""Attentions of several queries and heads, each a tensor of its own; the reader stacks them."""

POOLING: Rules = (
    (r"pool\.linear1\.(.+)", r"pooling.frame.\1"),
    (r"pool\.linear2\.(.+)", r"pooling.attention.\1"),
    (
        r"pool\.n_query\.(\d+)\.heads_att_trans\.(\d+)\.att_0\.(.+)",
        rf"{QUERIES}.\1.\2.pooling.hidden.\3",
    ),
    (
        r"pool\.n_query\.(\d+)\.heads_att_trans\.(\d+)\.att_1\.(.+)",
        rf"{QUERIES}.\1.\2.pooling.score.\3",
    ),
)

SEGMENT: Rules = (
    (r"seg_1\.(.+)", r"projection.\1"),
    (r"seg_bn_1\.(.+)", r"second.1.\1"),
    (r"seg_2\.(.+)", r"second.2.\1"),
)

RESNET: Rules = (
    (r"conv1\.(.+)", r"backbone.conv.\1"),
    (r"bn1\.(.+)", r"backbone.norm.\1"),
    (r"layer(\d)\.(\d+)\.conv(\d)\.(.+)", r"backbone.stages.{\1-1}.\2.conv\3.\4"),
    (r"layer(\d)\.(\d+)\.bn(\d)\.(.+)", r"backbone.stages.{\1-1}.\2.norm\3.\4"),
    (
        r"layer(\d)\.(\d+)\.(?:shortcut|downsample)\.(.+)",
        r"backbone.stages.{\1-1}.\2.shortcut.\3",
    ),
    *POOLING,
    *SEGMENT,
)

SIMAM: Rules = (
    *((rf"front\.{theirs}", ours) for theirs, ours in RESNET[:5]),
    (r"pooling\.attention\.0\.(.+)", r"pooling.frame.\1"),
    (r"pooling\.attention\.2\.(.+)", r"pooling.norm.\1"),
    (r"pooling\.attention\.3\.(.+)", r"pooling.attention.\1"),
    (r"bottleneck\.(.+)", r"projection.\1"),
)

_SE_RES2 = r"layer(\d)\.se_res2block"

ECAPA: Rules = (
    (r"layer1\.conv\.(.+)", r"backbone.input.conv.\1"),
    (r"layer1\.bn\.(.+)", r"backbone.input.norm.\1"),
    (rf"{_SE_RES2}\.0\.conv\.(.+)", r"backbone.blocks.{\1-2}.expand.conv.\2"),
    (rf"{_SE_RES2}\.0\.bn\.(.+)", r"backbone.blocks.{\1-2}.expand.norm.\2"),
    (rf"{_SE_RES2}\.1\.convs\.(.+)\.(.+)", r"backbone.blocks.{\1-2}.res2.blocks.\2.conv.\3"),
    (rf"{_SE_RES2}\.1\.bns\.(.+)\.(.+)", r"backbone.blocks.{\1-2}.res2.blocks.\2.norm.\3"),
    (rf"{_SE_RES2}\.2\.conv\.(.+)", r"backbone.blocks.{\1-2}.merge.conv.\2"),
    (rf"{_SE_RES2}\.2\.bn\.(.+)", r"backbone.blocks.{\1-2}.merge.norm.\2"),
    (rf"{_SE_RES2}\.3\.linear1\.(.+)", r"backbone.blocks.{\1-2}.gate.squeeze.\2"),
    (rf"{_SE_RES2}\.3\.linear2\.(.+)", r"backbone.blocks.{\1-2}.gate.excite.\2"),
    (r"conv\.(.+)", r"backbone.aggregate.\1"),
    *POOLING,
    (r"bn\.(.+)", r"norm.\1"),
    (r"linear\.(.+)", r"projection.\1"),
    (r"bn2\.(.+)", rf"{AFTER}.\1"),
)

_DENSE = r"xvector\.block(\d)\.tdnnd(\d+)"

CAMPPLUS: Rules = (
    (r"head\.conv(\d)\.(.+)", r"backbone.head.conv\1.\2"),
    (r"head\.bn(\d)\.(.+)", r"backbone.head.norm\1.\2"),
    # two layers of two blocks each: four blocks here
    *(
        (
            rf"head\.layer{layer}\.(\d)\.{theirs}(.*)\.(.+)",
            rf"backbone.head.blocks.{{\1+{2 * layer - 2}}}.{ours}\2.\3",
        )
        for layer in (1, 2)
        for theirs, ours in (("conv", "conv"), ("bn", "norm"), ("shortcut", "shortcut"))
    ),
    (r"xvector\.tdnn\.linear\.(.+)", r"backbone.input.\1"),
    (r"xvector\.tdnn\.nonlinear\.batchnorm\.(.+)", r"backbone.input_norm.\1"),
    (
        rf"{_DENSE}\.nonlinear(\d)\.batchnorm\.(.+)",
        r"backbone.blocks.{\1-1}.layers.{\2-1}.norm\3.\4",
    ),
    (rf"{_DENSE}\.linear1\.(.+)", r"backbone.blocks.{\1-1}.layers.{\2-1}.bottleneck.\3"),
    (
        rf"{_DENSE}\.cam_layer\.linear_local\.(.+)",
        r"backbone.blocks.{\1-1}.layers.{\2-1}.conv.local.\3",
    ),
    (
        rf"{_DENSE}\.cam_layer\.linear1\.(.+)",
        r"backbone.blocks.{\1-1}.layers.{\2-1}.conv.squeeze.\3",
    ),
    (
        rf"{_DENSE}\.cam_layer\.linear2\.(.+)",
        r"backbone.blocks.{\1-1}.layers.{\2-1}.conv.excite.\3",
    ),
    (r"xvector\.transit(\d)\.nonlinear\.batchnorm\.(.+)", r"backbone.blocks.{\1-1}.norm.\2"),
    (r"xvector\.transit(\d)\.linear\.(.+)", r"backbone.blocks.{\1-1}.halve.\2"),
    (r"xvector\.out_nonlinear\.batchnorm\.(.+)", r"backbone.norm.\1"),
    *POOLING,
    (r"xvector\.dense\.linear\.(.+)", r"projection.\1"),
    (r"xvector\.dense\.nonlinear\.batchnorm\.(.+)", rf"{AFTER}.\1"),
)

_STAGE = r"backbone\.stage(\d)\.(\d+)"
_BLOCK = rf"{_STAGE}\.conv_block"
_TIME = rf"{_STAGE}\.tcm"

REDIMNET: Rules = (
    (r"backbone\.stem\.0\.(.+)", r"backbone.stem.\1"),
    (r"backbone\.stem\.1\.(.+)", r"backbone.stem_norm.\1"),
    (r"backbone\.inputs_weights\.(\d+)", r"backbone.mixes.{\1-1}.weight"),
    (rf"{_BLOCK}\.conv(\d)\.(.+)", r"backbone.stage_blocks.\1.blocks.{\2-1}.conv\3.conv.\4"),
    (rf"{_BLOCK}\.conv(\d)pw\.(.+)", r"backbone.stage_blocks.\1.blocks.{\2-1}.conv\3.point.\4"),
    (rf"{_BLOCK}\.bn(\d)\.(.+)", r"backbone.stage_blocks.\1.blocks.{\2-1}.norm\3.\4"),
    (rf"{_BLOCK}\.se\.squeeze\.(.+)", r"backbone.stage_blocks.\1.blocks.{\2-1}.excite.squeeze.\3"),
    (rf"{_BLOCK}\.se\.exitation\.(.+)", r"backbone.stage_blocks.\1.blocks.{\2-1}.excite.excite.\3"),
    (rf"{_BLOCK}\.dwconvs\.0\.(.+)", r"backbone.stage_blocks.\1.blocks.{\2-1}.conv.\3"),
    (rf"{_BLOCK}\.norm\.(.+)", r"backbone.stage_blocks.\1.blocks.{\2-1}.norm.\3"),
    (rf"{_BLOCK}\.pwconv1\.(.+)", r"backbone.stage_blocks.\1.blocks.{\2-1}.point.\3"),
    (rf"{_STAGE}\.red_dim_conv\.0\.(.+)", r"backbone.stage_blocks.\1.context.reduce.\3"),
    (rf"{_STAGE}\.red_dim_conv\.1\.(.+)", r"backbone.stage_blocks.\1.context.norm.\3"),
    (rf"{_STAGE}\.exp_dim_conv\.(.+)", r"backbone.stage_blocks.\1.context.expand.\3"),
    (rf"{_TIME}\.(\d)\.dwconvs\.0\.(.+)", r"backbone.stage_blocks.\1.context.convs.\3.conv.\4"),
    (rf"{_TIME}\.([0-3])\.norm\.(.+)", r"backbone.stage_blocks.\1.context.convs.\3.norm.\4"),
    (rf"{_TIME}\.(\d)\.pwconv1\.(.+)", r"backbone.stage_blocks.\1.context.convs.\3.point.\4"),
    *(
        (rf"{_TIME}\.4\.{theirs}\.(.+)", rf"backbone.stage_blocks.\1.context.attention.{ours}.\3")
        for theirs, ours in (
            (r"attention\.k_proj", "key"),
            (r"attention\.v_proj", "value"),
            (r"attention\.q_proj", "query"),
            (r"attention\.out_proj", "merge"),
            (r"layer_norm", "norm"),
            (r"feed_forward\.intermediate_dense", "hidden"),
            (r"feed_forward\.output_dense", "output"),
            (r"final_layer_norm", "final_norm"),
        )
    ),
    (r"backbone\.stage(\d)\.0\.(.+)", r"backbone.stage_blocks.\1.divide.\2"),
    (rf"{_STAGE}\.(\d)\.(.+)", r"backbone.stage_blocks.\1.narrow.\3.\4"),
    *POOLING,
    *SEGMENT,
)
