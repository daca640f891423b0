module example.com/samples/chaincode

go 1.15
