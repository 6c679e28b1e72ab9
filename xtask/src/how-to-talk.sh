source target/local/env
export PATH=$PWD/target/debug:$PWD/target/venv/tools/bin:$PATH     # mlp, aws, sam and cfn-lint
cp configs/examples/starter/techcorp-prod-a001-us-west-2-customer-churn-ml-codecommit.yaml target/local/my.yaml
mlp deploy-product --config target/local/my.yaml --force
aws s3 cp target/local/my.yaml s3://$MLP_BUCKET/configs/my.yaml
aws s3 cp s3://$MLP_BUCKET/status/configs/my.yaml.json -
mlp deploy-product --s3-config s3://$MLP_BUCKET/configs/edge-prod-b001-us-west-2-fraud-detection-ml-s3.yaml --force
aws cloudformation describe-stacks --stack-name $MLP_STACK
